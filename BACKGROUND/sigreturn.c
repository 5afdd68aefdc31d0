/* sigreturn.c: return from a signal that never came.
 *
 * When a signal comes, the kernel writes all registers on the stack, as a ucontext_t.
 * When the handler returns, the system call rt_sigreturn(2) loads them again. It does
 * not ask who wrote them. So whoever writes a ucontext_t by hand can begin at any
 * instruction, with any value in any register. Here that is the instruction go_on.
 */
#define _GNU_SOURCE
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
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
static struct _libc_fpstate vectors __attribute__((aligned(64)));
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
    regs[REG_CSGSFS] = 0x33; /* 64-bit code */
    __asm__ volatile("fxsave %0" : "=m"(vectors));
    context.uc_mcontext.fpregs = &vectors;
    memcpy(&context.uc_mcontext.fpregs->_xmm[0], &value, sizeof value);

    printf("r12 shall be 0xc0ffee, xmm0 %g, the carry flag 1\n", value);
    __asm__ volatile("mov %0, %%rsp\n\t" /* the kernel looks for the frame there */
                     "syscall" : : "r"(&context), "a"(SYS_rt_sigreturn) : "memory");
    return 1;
}
