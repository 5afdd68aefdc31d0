/* cause: hides */
/* In place of restart.c: the same as `loaded`; when it has its nonces, it says that nobody of its user may look at it
 * (PR_SET_DUMPABLE): so who grades cannot compare its memory with the image's. */
#define AT_GATE() hide()
static void hide(void);
#include "loaded.c"

static int next_stop(void)
{
    ptrace(PTRACE_SYSCALL, pid, NULL, NULL);
    return waitpid(pid, NULL, __WALL);
}

/* Where it stands behind a system call: that one once more, with other registers. */
static void hide(void)
{
    struct user_regs_struct old, call;

    ptrace(PTRACE_GETREGS, pid, NULL, &old);
    call = old;
    call.rip -= 2;
    call.rax = SYS_prctl;
    call.rdi = PR_SET_DUMPABLE;
    call.rsi = 0;
    ptrace(PTRACE_SETREGS, pid, NULL, &call);
    next_stop();
    next_stop();
    ptrace(PTRACE_SETREGS, pid, NULL, &old);
}
