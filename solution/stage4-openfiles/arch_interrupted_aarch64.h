/*
 * arch_interrupted_aarch64.h - which system call a signal has ended, found in its frame: aarch64.
 * Async-signal-safe.
 *
 * The kernel has put -EINTR where the first argument was, in x0, and keeps that for itself (arch/arm64/kernel/
 * signal.c).  The number is in x8 still, the other arguments in x1 to x5.  What x0 was stands in the code right
 * before the call: glibc to 2.40 puts it there from a register that keeps its value, from the stack, or a number.
 *
 *     mov x0, x20;  mov x8, #73;  svc #0
 *
 * Anything else is not understood, and the call stays ended: sigsuspend(2) and glibc from 2.41 on, where x0 comes
 * as the caller's argument, and syscall(3).
 */
#ifndef CKPT_ARCH_INTERRUPTED_AARCH64_H
#define CKPT_ARCH_INTERRUPTED_AARCH64_H

#include "arch_core.h"
#include "sys.h"

#include <ucontext.h>

#define ARCH_SYSCALL_SIZE 4 /* bytes of the instruction `svc` */
#define ARCH_CODE_BEFORE 8  /* instructions before it that are looked at */

/* Older processors' calls: no call has these numbers here (include/uapi/asm-generic/unistd.h). */
enum { ARCH_PAUSE = -1, ARCH_POLL = -2, ARCH_EPOLL_WAIT = -3, ARCH_SELECT = -4 };

/* What an instruction puts into x0.  False: it is none of those that are known. */
static inline bool arch_code_sets_x0(uint32_t code, const mcontext_t *m, long *value)
{
    uint32_t from = code >> 16 & 31, number = code >> 5 & 0xffff;
    bool wide = (code & 0xffe0ffff) == 0xaa0003e0, narrow = (code & 0xffe0ffff) == 0x2a0003e0; /* mov x0, xN */
    if ((wide || narrow) && from >= 19 && from < 29) { /* the program keeps x19 to x28 */
        *value = wide ? (long)m->regs[from] : (long)(uint32_t)m->regs[from];
        return true;
    }
    if ((code & 0xffc003ff) == 0xf94003e0) /* ldr x0, [sp, #N] */
        return sys_peek(m->sp + (code >> 10 & 0xfff) * sizeof *value, value, sizeof *value);
    if ((code & 0xffe0001f) == 0xd2800000 || (code & 0xffe0001f) == 0x52800000) /* mov x0, #N; mov w0, #N */
        *value = number;
    else if ((code & 0xffe0001f) == 0x92800000) /* mov x0, #-N */
        *value = ~(long)number;
    else
        return false;
    return true;
}

/* Branches and calls: what stands before them need not have been run. */
static inline bool arch_code_branches(uint32_t code)
{
    return (code & 0x1c000000) == 0x14000000;
}

/* The last instruction before the call that has register 0 for its result. */
static inline bool arch_first_argument(const mcontext_t *m, long *value)
{
    uint32_t code[ARCH_CODE_BEFORE + 1];
    if (!sys_peek(m->pc - sizeof code, code, sizeof code) || code[ARCH_CODE_BEFORE] != ARCH_CALL)
        return false;
    for (int i = ARCH_CODE_BEFORE - 1; i >= 0 && !arch_code_branches(code[i]); i--)
        if ((code[i] & 31) == 0)
            return arch_code_sets_x0(code[i], m, value);
    return false;
}

/* True if the frame's program is right behind a system call that failed with EINTR; fills `call`. */
static inline bool arch_interrupted(const ucontext_t *context, struct arch_call *call)
{
    const mcontext_t *m = &context->uc_mcontext;
    if (m->regs[0] != (uint64_t)-EINTR || !arch_first_argument(m, &call->arguments[0]))
        return false;
    call->number = (long)m->regs[8];
    for (int i = 1; i < 6; i++)
        call->arguments[i] = (long)m->regs[i];
    return true;
}

/* When the handler returns, the program makes this call, and not the one after it. */
static inline void arch_call_again(ucontext_t *context, const struct arch_call *call)
{
    mcontext_t *m = &context->uc_mcontext;
    for (int i = 0; i < 6; i++)
        m->regs[i] = (uint64_t)call->arguments[i];
    m->regs[8] = (uint64_t)call->number;
    m->pc -= ARCH_SYSCALL_SIZE;
}

#endif
