/*
 * arch_registers.h - from ucontext_t (getcontext(3)) to struct user_regs_struct (<sys/user.h>, in NT_PRSTATUS).
 * All else of the registers is in arch_core.h: a change here has one file compiled, not twenty.  Async-signal-safe.
 */
#ifndef CKPT_ARCH_REGISTERS_H
#define CKPT_ARCH_REGISTERS_H

#if defined(__aarch64__) /* all that follows is x86-64's */
#include "arch_registers_aarch64.h"
#else

#include "arch.h"

#include <stddef.h>
#include <sys/user.h>
#include <ucontext.h>

/* From what getcontext() filled in to what a core file holds. */
static inline void arch_core_registers(struct user_regs_struct *to, const ucontext_t *from)
{
    //@ step 2.7 Copy the registers that getcontext() saved.
    //@ Goal: gdb shows a backtrace of the image. What getcontext() does not save has a value all the same in
    //@ user code: which are cs, ss and eflags in any program under gdb ("info registers")? orig_rax is -1: not in
    //@ a system call. The bases of fs and gs: arch_x86_64.h. Where to read: struct user_regs_struct,
    //@ <sys/ucontext.h>.
    const greg_t *regs = from->uc_mcontext.gregs;
    *to = (struct user_regs_struct){
        .r15 = (uint64_t)regs[REG_R15], .r14 = (uint64_t)regs[REG_R14], .r13 = (uint64_t)regs[REG_R13],
        .r12 = (uint64_t)regs[REG_R12], .rbp = (uint64_t)regs[REG_RBP], .rbx = (uint64_t)regs[REG_RBX],
        .r9 = (uint64_t)regs[REG_R9], .r8 = (uint64_t)regs[REG_R8], .rcx = (uint64_t)regs[REG_RCX],
        .rdx = (uint64_t)regs[REG_RDX], .rsi = (uint64_t)regs[REG_RSI], .rdi = (uint64_t)regs[REG_RDI],
        .rip = (uint64_t)regs[REG_RIP], .rsp = (uint64_t)regs[REG_RSP],
        .cs = 0x33, .ss = 0x2b, .eflags = 0x202, .orig_rax = (uint64_t)-1,
        .fs_base = arch_get_tls(), .gs_base = arch_get_gs(),
    };
    //@ end
}

#endif
#endif
