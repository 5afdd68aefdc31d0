/* sigreturn-broken_aarch64.c: BROKEN. setcontext() where a function was not called.
 *
 * setcontext() is a function, and the way back from getcontext(), which is one, too.
 * A call may destroy x0 to x17, the flags and most of the vector registers: the
 * compiler expects nothing in them afterwards. So setcontext() does not care for most
 * of these. But a program that was stopped anywhere needs all of them.
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
    setcontext(&frame.context); /* BROKEN: it never looks at d0 and the flags */
    return 1;
}
