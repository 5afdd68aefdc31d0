/*
 * fd_sharing.c - do two descriptors show one open file description?
 *
 * kcmp(2) answers, where it may be used: Docker's seccomp profile refused it for a long time, and a kernel can
 * be built without it.  Then we try: a status flag that is set through one descriptor shows through the
 * other, if they share.  O_APPEND does no harm on the way: the program stands still, and on pipes and terminals
 * it means nothing.
 */
#include "fd_sharing.h"
#include "sys.h"

#include <linux/kcmp.h>

static bool shows_flag_of(int a, int b)
{
    long flags = sys_call(SYS_fcntl, a, F_GETFL, 0, 0);
    long before = sys_call(SYS_fcntl, b, F_GETFL, 0, 0);
    if (flags < 0 || flags != before || sys_call(SYS_fcntl, a, F_SETFL, flags ^ O_APPEND, 0) != 0)
        return false;
    bool shares = sys_call(SYS_fcntl, b, F_GETFL, 0, 0) != before;
    sys_call(SYS_fcntl, a, F_SETFL, flags, 0);
    return shares;
}

bool fd_shares(int a, int b)
{
    long pid = sys_getpid();
    long order = arch_syscall(SYS_kcmp, pid, pid, KCMP_FILE, a, b, 0); /* 0: the same; else how they sort */
    return order < 0 ? shows_flag_of(a, b) : order == 0;
}
