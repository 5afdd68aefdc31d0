/* arch_sigreturn_aarch64.h - rt_sigreturn(2) with a frame of our own. */
#ifndef CKPT_ARCH_SIGRETURN_AARCH64_H
#define CKPT_ARCH_SIGRETURN_AARCH64_H

#include "arch_core.h"

#include <stdbool.h>

#define ARCH_SIGINFO 128 /* bytes: siginfo_t, which lies before the ucontext_t, and is not read */

/* Code of a program, by its bytes. */
struct arch_code {
    const char *bytes;
    size_t size;
};

/* svc #0; ret */
static const struct arch_code arch_call_and_return = {"\x01\0\0\xd4\xc0\x03\x5f\xd6", 8};

/* mov x8, #139; svc #0 (SYS_rt_sigreturn): where all handlers return to, in the vdso. */
static const struct arch_code arch_returns[2] = {{"\x68\x11\x80\xd2\x01\0\0\xd4", 8},
                                                 {"\x68\x11\x80\xd2\x01\0\0\xd4", 8}};
#define ARCH_RETURN_IN_VDSO true

/*
 * Fills a frame by which munmap(2) is called, at `call`, and then rt_sigreturn(2), at `sigreturn`, with the frame
 * that begins at `at`: `ret` goes to x30.  The vectors' record must be there, and may be all zeros.
 */
static inline void arch_chain(ucontext_t *chain, char *bytes, uint64_t at, uint64_t call, uint64_t sigreturn)
{
    mcontext_t *m = &chain->uc_mcontext;
    memcpy((char *)chain + ARCH_RECORDS, &(uint64_t){ARCH_FRAME_MARK}, sizeof(uint64_t));
    m->pc = call;
    m->regs[8] = SYS_munmap;
    m->regs[30] = sigreturn;
    m->sp = at;
}

/* What munmap(2) is to unmap. */
static inline void arch_chain_place(ucontext_t *chain, uint64_t start, uint64_t size)
{
    chain->uc_mcontext.regs[0] = start;
    chain->uc_mcontext.regs[1] = size;
}

/* The kernel looks for the frame by sp alone.  All registers come from there.  Does not return. */
__attribute__((noreturn)) static inline void arch_sigreturn(uint64_t context)
{
    __asm__ volatile("mov sp, %0\n\t"
                     "mov x8, %1\n\t"
                     "svc #0\n\t"
                     "brk #1"
                     :
                     : "r"(context - ARCH_SIGINFO), "i"(SYS_rt_sigreturn)
                     : "memory");
    __builtin_unreachable();
}

#endif
