/* arch_sigreturn_x86_64.h - rt_sigreturn(2) with a frame of our own. */
#ifndef CKPT_ARCH_SIGRETURN_X86_64_H
#define CKPT_ARCH_SIGRETURN_X86_64_H

#include "arch.h"

#include <stdbool.h>
#include <stddef.h>
#include <string.h>
#include <ucontext.h>

/* Code of a program, by its bytes. */
struct arch_code {
    const char *bytes;
    size_t size;
};

/* syscall; ret */
static const struct arch_code arch_call_and_return = {"\x0f\x05\xc3", 3};

/* mov $15, %rax; syscall (SYS_rt_sigreturn), in two forms: what sa_restorer of sigaction(2) leads to. */
static const struct arch_code arch_returns[2] = {
    {"\x48\xc7\xc0\x0f\0\0\0\x0f\x05", 9}, {"\xb8\x0f\0\0\0\x0f\x05", 7}};
#define ARCH_RETURN_IN_VDSO false

/*
 * Fills a frame by which munmap(2) is called, at `call`, and then rt_sigreturn(2), at `sigreturn`, with the frame
 * that begins at `at`, whose bytes are these: its first word is what `ret` takes.
 */
static inline void arch_chain(ucontext_t *chain, char *bytes, uint64_t at, uint64_t call, uint64_t sigreturn)
{
    greg_t *regs = chain->uc_mcontext.gregs;
    memcpy(bytes, &sigreturn, sizeof sigreturn);
    chain->uc_flags = 6;
    regs[REG_RIP] = (greg_t)call;
    regs[REG_RAX] = SYS_munmap;
    regs[REG_RSP] = (greg_t)at;
    regs[REG_EFL] = 0x202;
    regs[REG_CSGSFS] = (greg_t)(0x33 | 0x2bUL << 48);
}

/* What munmap(2) is to unmap. */
static inline void arch_chain_place(ucontext_t *chain, uint64_t start, uint64_t size)
{
    chain->uc_mcontext.gregs[REG_RDI] = (greg_t)start;
    chain->uc_mcontext.gregs[REG_RSI] = (greg_t)size;
}

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
