/* arch_sigreturn_x86_64.h - rt_sigreturn(2) with a frame of our own. */
#ifndef CKPT_ARCH_SIGRETURN_X86_64_H
#define CKPT_ARCH_SIGRETURN_X86_64_H

#include "arch.h"

/*
 * The kernel looks for the frame by rsp alone: a handler's return has taken the return address from it, so rsp
 * points to the ucontext_t.  All registers come from there.  Does not return.
 */
__attribute__((noreturn)) static inline void arch_sigreturn(uint64_t context)
{
    __asm__ volatile("mov %0, %%rsp\n\t"
                     "syscall\n\t"
                     "ud2"
                     :
                     : "r"(context), "a"(SYS_rt_sigreturn)
                     : "memory");
    __builtin_unreachable();
}

#endif
