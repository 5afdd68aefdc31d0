//@ step 2.7
    const greg_t *g = from->uc_mcontext.gregs;
    memset(to, 0, sizeof *to);
    to->rip = (unsigned long long)g[REG_RIP];
    to->rsp = (unsigned long long)g[REG_RSP];
    to->rbp = (unsigned long long)g[REG_RBP];
    to->rbx = (unsigned long long)g[REG_RBX];
    /* The struct begins with r15, r14, r13, r12; the array with r8 to r15. */
    unsigned long long *p = &to->r15;
    for (const greg_t *q = g + REG_R15; q >= g + REG_R12;)
        *p++ = (unsigned long long)*q--;
    /* It has its own six arguments, too, as it found them. */
    p = &to->r9, *p++ = (unsigned long long)g[REG_R9], *p = (unsigned long long)g[REG_R8];
    p = &to->rcx, *p++ = (unsigned long long)g[REG_RCX], *p++ = (unsigned long long)g[REG_RDX];
    *p++ = (unsigned long long)g[REG_RSI], *p = (unsigned long long)g[REG_RDI];
    to->cs = 0x33, to->ss = 0x2b;
    to->eflags = 0x202;
    to->orig_rax = -1ULL;
    to->fs_base = arch_get_tls(), to->gs_base = arch_get_gs();
//@ end
//@ replace
#include <stddef.h>
//@ with
#include <stddef.h>
#include <string.h>
//@ end
