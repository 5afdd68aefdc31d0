/*
 * sigframe.h - the frame that the kernel puts on a program's stack when it delivers a signal, and takes from there
 * in rt_sigreturn(2).  It has every register, so to return from a signal that never came is to become a program
 * that was stopped between any two instructions.
 *
 * Linux, arch/x86/kernel/signal_64.c (struct rt_sigframe) and arch/x86/kernel/fpu/signal.c (what lies behind):
 *
 *     low                                                                              high
 *     | return address | ucontext_t: registers, mask | ... | xsave area, 64-aligned | red zone 128 | used stack
 *     ^ the handler's    ^ rsp when rt_sigreturn is called   ^ ucontext's fpregs                     ^ rsp then
 */
#ifndef CKPT_SIGFRAME_H
#define CKPT_SIGFRAME_H

#include "core.h"
#include "frame.h"

/*
 * Fills the frame from the registers of a core.  Exits with 65 if this processor lacks registers that the core
 * has.
 */
void sigframe_build(struct sigframe *frame, const struct core *core);

/*
 * syscall_restart.c: a core that was taken inside a system call has in rax what the kernel says to itself, -512
 * to -516, and in orig_rax the call.  Sets rax and rip so that the call is made again.
 */
void syscall_restart(struct user_regs_struct *registers);

#endif
