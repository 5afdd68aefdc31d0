/*
 * syscall_restart_aarch64.c - a system call that was interrupted.  Nothing is to be done: this kernel puts x0 and
 * pc back, so that the call is made again, before a debugger or a core file sees them (arch/arm64/kernel/signal.c,
 * do_signal()).  Of gdb's `catch syscall`, which stops before the call is made, registers do not tell: such a call
 * is left out.  Given.
 */
#include "sigframe.h"

void syscall_restart(struct user_regs_struct *registers)
{
}
