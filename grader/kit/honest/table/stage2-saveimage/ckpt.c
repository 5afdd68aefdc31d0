//@ step 2.1
    const char *theirs = getenv("LD_PRELOAD");
    const char *const pieces[] = {library, theirs != NULL && *theirs != '\0' ? ":" : NULL, theirs};
    size_t length = 0;
    for (int i = 0; i < 3; i++)
        length += pieces[i] != NULL ? strlen(pieces[i]) : 0;
    list = calloc(length + 1, 1);
    if (list == NULL)
        err(EX_OSERR, "LD_PRELOAD");
    for (int i = 0; i < 3; i++)
        if (pieces[i] != NULL)
            strcat(list, pieces[i]);
    set_variable("LD_PRELOAD", list);
    free(list);
//@ end
