/*
 * stubs_user.c - setuid(2) and its relatives, by hand: a job keeps the user that it has, since the shadow's
 * user opens its files.  Who asks for the user that he has gets it: many programs give rights away that they
 * do not have, by `setuid(getuid())`, and end if that fails.
 */
#include "syscall_stubs.h"
#include "trap.h"

#define NO_CHANGE UINT32_MAX /* -1, in setreuid(2) and setresuid(2) */

/* 0: these are the ids that the process has, all three of them.  `query`: getresuid(2) or getresgid(2). */
static long keep(struct trap *trap, long query, int count, const char *name)
{
    uint32_t has[3];
    sys_call(query, (long)&has[0], (long)&has[1], (long)&has[2], 0);
    for (int i = 0; i < count; i++) {
        uint32_t id = (uint32_t)trap->arguments[i];
        if (id == NO_CHANGE && count == 1)
            return -EINVAL;
        if (id == NO_CHANGE)
            continue;
        if (id != has[0] || id != has[1] || id != has[2]) {
            trap_refused(trap, name, "a job keeps the user that it has");
            return -EPERM;
        }
    }
    return 0;
}

long stub_setuid(struct trap *trap)
{
    return keep(trap, SYS_getresuid, 1, "setuid");
}

long stub_setreuid(struct trap *trap)
{
    return keep(trap, SYS_getresuid, 2, "setreuid");
}

long stub_setresuid(struct trap *trap)
{
    return keep(trap, SYS_getresuid, 3, "setresuid");
}

long stub_setgid(struct trap *trap)
{
    return keep(trap, SYS_getresgid, 1, "setgid");
}

long stub_setregid(struct trap *trap)
{
    return keep(trap, SYS_getresgid, 2, "setregid");
}

long stub_setresgid(struct trap *trap)
{
    return keep(trap, SYS_getresgid, 3, "setresgid");
}
