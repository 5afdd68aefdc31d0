/* sigreturn_aarch64.c: return from a signal that never came.
 *
 * When a signal comes, the kernel writes all registers on the stack, as a ucontext_t.
 * When the handler returns, the system call rt_sigreturn(2) loads them again. It does
 * not ask who wrote them. So whoever writes a ucontext_t by hand can begin at any
 * instruction, with any value in any register. Here that is the instruction go_on.
 */
#define _GNU_SOURCE
#include <asm/sigcontext.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <ucontext.h>

#define CARRY (1L << 29) /* one of the flags */

/* In the middle of a program: it needs what is in x19, d0 and the flags. */
__asm__("go_on: mov x0, x19\n"
        "       mrs x1, nzcv\n"
        "       bl report\n");
void go_on(void);

__attribute__((used)) void report(long x19, long flags, double d0)
{
    printf("x19 is %#lx, d0 is %g, the carry flag is %d\n", x19, d0, (flags & CARRY) != 0);
    exit(x19 == 0xc0ffee && d0 == 1.5 && (flags & CARRY) ? 0 : 1);
}

/* As the kernel has it on the stack: sp leads to the siginfo_t. */
static struct {
    siginfo_t info;
    ucontext_t context;
} frame __attribute__((aligned(16)));
static char stack[65536] __attribute__((aligned(16)));
static const double value = 1.5;

int main(void)
{
    mcontext_t *registers = &frame.context.uc_mcontext;
    struct fpsimd_context *vectors = (struct fpsimd_context *)registers->__reserved;

    getcontext(&frame.context);
    registers->pc = (unsigned long)go_on;
    registers->sp = (unsigned long)(stack + sizeof stack);
    registers->regs[19] = 0xc0ffee;
    registers->pstate = CARRY;
    vectors->head.magic = FPSIMD_MAGIC;
    vectors->head.size = sizeof *vectors;
    memcpy(&vectors->vregs[0], &value, sizeof value);

    printf("x19 shall be 0xc0ffee, d0 %g, the carry flag 1\n", value);
    __asm__ volatile("mov x8, %1\n\t"
                     "mov sp, %0\n\t" /* the kernel looks for the frame there */
                     "svc #0" : : "r"(&frame), "i"(SYS_rt_sigreturn) : "x8", "memory");
    return 1;
}
