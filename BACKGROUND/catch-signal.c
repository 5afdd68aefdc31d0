/* catch-signal.c: the handler is handed the interrupted program, in registers.
 *
 * The kernel stops the program between two instructions, writes all its registers
 * on its stack, and calls the handler. The handler sees them as a ucontext_t. When
 * it returns, the kernel loads them again, and the program cannot tell.
 */
#define _GNU_SOURCE
#include <signal.h>
#include <stdio.h>
#include <ucontext.h>
#include <unistd.h>

static volatile long long rip, rsp, rbx;

static void handler(int sig, siginfo_t *info, void *interrupted)
{
    const ucontext_t *context = interrupted;

    (void)sig;
    (void)info;
    rip = context->uc_mcontext.gregs[REG_RIP];
    rsp = context->uc_mcontext.gregs[REG_RSP];
    rbx = context->uc_mcontext.gregs[REG_RBX];
}

/* x86-64: kill(pid, sig) with 0xc0ffee in rbx. The signal comes at the instruction
 * after `syscall`: its address is stored through `next`. Returns rbx as it is then. */
static long long kill_with_coffee(int pid, int sig, void **next)
{
    long long result = 0xc0ffee, rax = 62; /* 62: the number of kill */

    __asm__ volatile("leaq 1f(%%rip), %%rcx\n\tmovq %%rcx, (%4)\n\tsyscall\n1:"
                     : "+b"(result), "+a"(rax)
                     : "D"(pid), "S"(sig), "r"(next)
                     : "rcx", "r11", "memory");
    return result;
}

int main(void)
{
    struct sigaction action = {.sa_sigaction = handler, .sa_flags = SA_SIGINFO | SA_RESTART};
    void *next = NULL;

    sigaction(SIGUSR2, &action, NULL);
    long long after = kill_with_coffee(getpid(), SIGUSR2, &next);
    printf("the handler saw: rip = %#llx, rsp = %#llx, rbx = %#llx\n", rip, rsp, rbx);
    printf("the next instruction was at %p, and rbx is %#llx again\n", next, after);
    return rip != (long long)next || rbx != after;
}
