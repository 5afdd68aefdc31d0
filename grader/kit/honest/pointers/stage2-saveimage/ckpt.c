//@ step 2.1
    char *old = getenv("LD_PRELOAD");
    int n = old && *old ? asprintf(&list, "%s:%s", library, old) : asprintf(&list, "%s", library);
    if (n == -1)
        errx(EX_OSERR, "out of memory");
    set_variable("LD_PRELOAD", list);
    free(list);
//@ end
