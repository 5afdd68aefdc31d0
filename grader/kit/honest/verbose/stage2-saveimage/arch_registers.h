//@ replace
#include <ucontext.h>
//@ with
#include <string.h>
#include <ucontext.h>
//@ end
//@ replace
/* From what getcontext() filled in to what a core file holds. */
//@ with
/* Returns one register of the context, as a number without a sign. */
static inline unsigned long long my_register_of(const ucontext_t *saved_context, int which_register)
{
    long long value = saved_context->uc_mcontext.gregs[which_register];
    return (unsigned long long)value;
}

/* From what getcontext() filled in to what a core file holds. */
//@ end
//@ step 2.7
    memset(to, 0, sizeof(*to));
    /* Where the program is. */
    to->rip = my_register_of(from, REG_RIP);
    to->rsp = my_register_of(from, REG_RSP);
    /* The registers that a function has to preserve. */
    to->rbx = my_register_of(from, REG_RBX);
    to->rbp = my_register_of(from, REG_RBP);
    to->r12 = my_register_of(from, REG_R12);
    to->r13 = my_register_of(from, REG_R13);
    to->r14 = my_register_of(from, REG_R14);
    to->r15 = my_register_of(from, REG_R15);
    /* The registers for the arguments. */
    to->rdi = my_register_of(from, REG_RDI);
    to->rsi = my_register_of(from, REG_RSI);
    to->rdx = my_register_of(from, REG_RDX);
    to->rcx = my_register_of(from, REG_RCX);
    to->r8 = my_register_of(from, REG_R8);
    to->r9 = my_register_of(from, REG_R9);
    /* What getcontext() does not save. */
    to->cs = 0x33;
    to->ss = 0x2b;
    to->eflags = 0x202;
    to->orig_rax = 0xffffffffffffffffULL;
    to->fs_base = arch_get_tls();
    to->gs_base = arch_get_gs();
//@ end
