/* user-dispatch.c: Linux has another way to catch system calls, Syscall User Dispatch (prctl(2), since 5.11).
 *
 * One byte of the program's memory is a switch: while it says "block", every system call becomes SIGSYS.
 * The handler turns it off, makes the call, and leaves it off: its own return is a system call, too.
 * It needs no filter; but not every processor has it, and a call costs a little more than with seccomp.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <ucontext.h>
#include <unistd.h>

#ifndef PR_SET_SYSCALL_USER_DISPATCH
#define PR_SET_SYSCALL_USER_DISPATCH 59
#define PR_SYS_DISPATCH_ON 1
#endif

static volatile char block; /* 1: block; 0: let through */
static volatile sig_atomic_t caught = -1;

static void on_call(int sig, siginfo_t *info, void *context)
{
    (void)sig;
    block = 0;
    caught = info->si_syscall;
#ifdef __x86_64__
    ((ucontext_t *)context)->uc_mcontext.gregs[REG_RAX] = syscall(caught); /* enough for a call without arguments */
#else
    ((ucontext_t *)context)->uc_mcontext.regs[0] = (unsigned long)syscall(caught);
#endif
}

int main(void)
{
    struct sigaction action = {.sa_sigaction = on_call, .sa_flags = SA_SIGINFO};

    sigaction(SIGSYS, &action, NULL);
    if (prctl(PR_SET_SYSCALL_USER_DISPATCH, PR_SYS_DISPATCH_ON, 0L, 0L, &block) != 0) {
        printf("not tried here: this kernel or processor has no Syscall User Dispatch (error %d)\n", errno);
        return 0;
    }
    block = 1;
    pid_t parent = getppid(); /* caught, made by the handler */
    printf("caught: call %s; its result is right: %s\n", caught == SYS_getppid ? "getppid" : "?",
           parent == getppid() ? "yes" : "no");
    return caught != SYS_getppid;
}
