/*
 * arch_interrupted_x86_64.h - which system call a signal has ended, found in its frame: x86-64.  Async-signal-safe.
 *
 * The kernel has put -EINTR where the call's number was.  The arguments are in their registers still, and rcx has
 * the address behind the instruction: so did the processor (syscall(2)), and nothing else does.  The number
 * stands in the code, or on the stack, right before it:
 *
 *     b8 N N N N     0f 05      mov $N, %eax;      syscall      glibc to 2.40, musl
 *     48 8b 44 24 D  0f 05      mov D(%rsp), %rax; syscall      glibc from 2.41 on
 *
 * Anything else, syscall(3) for one, is not understood, and the call stays ended.
 */
#ifndef CKPT_ARCH_INTERRUPTED_X86_64_H
#define CKPT_ARCH_INTERRUPTED_X86_64_H

#include "sys.h"

#include <ucontext.h>

#define ARCH_SYSCALL_SIZE 2 /* bytes of the instruction `syscall` */

/* Calls that processors from 2012 on never had: there libc makes them of others. */
enum { ARCH_PAUSE = SYS_pause, ARCH_POLL = SYS_poll, ARCH_EPOLL_WAIT = SYS_epoll_wait, ARCH_SELECT = SYS_select };

/* Where its arguments are: syscall(2). */
static const uint8_t arch_argument_order[6] = {REG_RDI, REG_RSI, REG_RDX, REG_R10, REG_R8, REG_R9};

/* Before b8 a byte 4X with an odd X is a prefix: then it is r8 that gets a number, and not eax. */
static inline bool arch_call_number(const greg_t *regs, long *number)
{
    uint8_t code[8]; /* one byte more, that prefix */
    uint32_t in_code;
    if (!sys_peek((uint64_t)regs[REG_RIP] - sizeof code, code, sizeof code) || code[6] != 0x0f || code[7] != 0x05)
        return false;
    if (code[1] == 0x48 && code[2] == 0x8b && code[3] == 0x44 && code[4] == 0x24 && code[5] < 0x80)
        return sys_peek((uint64_t)regs[REG_RSP] + code[5], number, sizeof *number);
    memcpy(&in_code, code + 2, sizeof in_code);
    *number = in_code;
    return code[1] == 0xb8 && (code[0] & 0xf1) != 0x41;
}

/* True if the frame's program is right behind a system call that failed with EINTR; fills `call`. */
static inline bool arch_interrupted(const ucontext_t *context, struct arch_call *call)
{
    const greg_t *regs = context->uc_mcontext.gregs;
    if (regs[REG_RAX] != -EINTR || regs[REG_RCX] != regs[REG_RIP] || !arch_call_number(regs, &call->number))
        return false;
    for (int i = 0; i < 6; i++)
        call->arguments[i] = regs[arch_argument_order[i]];
    return true;
}

/* When the handler returns, the program makes this call, and not the one after it. */
static inline void arch_call_again(ucontext_t *context, const struct arch_call *call)
{
    greg_t *regs = context->uc_mcontext.gregs;
    for (int i = 0; i < 6; i++)
        regs[arch_argument_order[i]] = call->arguments[i];
    regs[REG_RAX] = call->number;
    regs[REG_RIP] -= ARCH_SYSCALL_SIZE;
}

#endif
