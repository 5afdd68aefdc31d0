//@ replace
/* libckpt.so lies beside ckpt; its name goes before those that the user preloads. */
//@ with
/* Returns true if the user has a list of libraries already. */
static bool my_user_preloads_something(void)
{
    char *value = getenv("LD_PRELOAD");
    if (value == NULL) {
        return false;
    }
    if (strlen(value) == 0) {
        return false;
    }
    return true;
}

/* libckpt.so lies beside ckpt; its name goes before those that the user preloads. */
//@ end
//@ step 2.1
    if (my_user_preloads_something()) {
        char *list_of_the_user = getenv("LD_PRELOAD");
        size_t size_of_the_list = strlen(library) + strlen(":") + strlen(list_of_the_user) + 1;
        list = malloc(size_of_the_list);
        if (list == NULL) {
            err(EX_OSERR, "malloc");
        }
        snprintf(list, size_of_the_list, "%s:%s", library, list_of_the_user);
        set_variable("LD_PRELOAD", list);
        free(list);
    } else {
        set_variable("LD_PRELOAD", library);
    }
//@ end
