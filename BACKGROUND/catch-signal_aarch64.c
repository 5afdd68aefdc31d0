/* catch-signal_aarch64.c: the handler is handed the interrupted program, in registers.
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

static volatile unsigned long long pc, sp, x19;

static void handler(int sig, siginfo_t *info, void *interrupted)
{
    const ucontext_t *context = interrupted;

    (void)sig;
    (void)info;
    pc = context->uc_mcontext.pc;
    sp = context->uc_mcontext.sp;
    x19 = context->uc_mcontext.regs[19];
}

/* arm64: kill(pid, sig) with 0xc0ffee in x19. The signal comes at the instruction
 * after `svc`: its address is stored through `next`. Returns x19 as it is then. */
static unsigned long long kill_with_coffee(int pid, int sig, void **next)
{
    register unsigned long long result __asm__("x19") = 0xc0ffee;
    register long x8 __asm__("x8") = 129; /* the number of kill */
    register long x0 __asm__("x0") = pid;
    register long x1 __asm__("x1") = sig;

    __asm__ volatile("adr x9, 1f\n\tstr x9, [%4]\n\tsvc #0\n1:"
                     : "+r"(result), "+r"(x0)
                     : "r"(x8), "r"(x1), "r"(next)
                     : "x9", "memory");
    return result;
}

int main(void)
{
    struct sigaction action = {.sa_sigaction = handler, .sa_flags = SA_SIGINFO | SA_RESTART};
    void *next = NULL;

    sigaction(SIGUSR2, &action, NULL);
    unsigned long long after = kill_with_coffee(getpid(), SIGUSR2, &next);
    printf("the handler saw: pc = %#llx, sp = %#llx, x19 = %#llx\n", pc, sp, x19);
    printf("the next instruction was at %p, and x19 is %#llx again\n", next, after);
    return pc != (unsigned long long)next || x19 != after;
}
