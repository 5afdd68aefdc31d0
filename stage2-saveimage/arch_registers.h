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
    /* TODO 2.7: Copy the registers that getcontext() saved.
     * Goal: gdb shows a backtrace of the image. What getcontext() does not save has a value all the same in
     * user code: which are cs, ss and eflags in any program under gdb ("info registers")? orig_rax is -1: not in
     * a system call. The bases of fs and gs: arch_x86_64.h. Where to read: struct user_regs_struct,
     * <sys/ucontext.h>. */
}

#endif
#endif
