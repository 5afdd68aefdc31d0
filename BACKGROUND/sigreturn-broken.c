/* sigreturn-broken.c: BROKEN. setcontext() where a function was not called.
 *
 * setcontext() is a function, and the way back from getcontext(), which is one, too.
 * A call may destroy rax, rcx, rdx, rsi, rdi, r8 to r11, the flags and all vector
 * registers: the compiler expects nothing in them afterwards. So setcontext() does not
 * care for most of these. But a program that was stopped anywhere needs all of them.
 */
#define _GNU_SOURCE
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <ucontext.h>

#define CARRY 1 /* the lowest of the flags */

/* In the middle of a program: it needs what is in r12, xmm0 and the flags. */
__asm__("go_on: mov %r12, %rdi\n"
        "       pushfq\n"
        "       pop %rsi\n"
        "       call report\n");
void go_on(void);

__attribute__((used)) void report(long r12, long flags, double xmm0)
{
    printf("r12 is %#lx, xmm0 is %g, the carry flag is %ld\n", r12, xmm0, flags & CARRY);
    exit(r12 == 0xc0ffee && xmm0 == 1.5 && (flags & CARRY) ? 0 : 1);
}

static ucontext_t context;
static char stack[65536] __attribute__((aligned(16)));
static const double value = 1.5;

int main(void)
{
    greg_t *regs = context.uc_mcontext.gregs;

    getcontext(&context);
    regs[REG_RIP] = (greg_t)go_on;
    regs[REG_RSP] = (greg_t)(stack + sizeof stack);
    regs[REG_R12] = 0xc0ffee;
    regs[REG_EFL] = 0x202 | CARRY;
    memcpy(&context.uc_mcontext.fpregs->_xmm[0], &value, sizeof value);

    printf("r12 shall be 0xc0ffee, xmm0 %g, the carry flag 1\n", value);
    setcontext(&context); /* BROKEN: it never looks at xmm0 and the flags */
    return 1;
}
