//@ top
static long copy_from(struct trap *trap, int flags);
//@ end
//@ step 6.5
    int number = (int)trap->arguments[0];
    if (remote_call_owns(number))
        return -EBADF;
    struct remote_file *open = table_find(number);
    if (open) {
        int there = open->real;
        table_remove(number); /* whatever home says, it is free */
        return close_at_home(there);
    }
    return CALL_LOCAL;
//@ end
//@ step 6.5
    /* dup(fd) is fcntl(fd, F_DUPFD, 0). */
    struct trap request = {.context = trap->context, .number = SYS_fcntl};
    request.arguments[0] = trap->arguments[0];
    request.arguments[1] = F_DUPFD;
    return copy_from(&request, 0);
//@ end
