/*
 * syscall_restart.c - a system call that was interrupted.  The kernel has not yet told the program of it; rax has
 * one of its private numbers (include/linux/errno.h), and it would have acted on it on its way back:
 *
 *     -512 ERESTARTSYS, -513 ERESTARTNOINTR, -514 ERESTARTNOHAND     make the call again
 *     -516 ERESTART_RESTARTBLOCK                     make it again for the time that is left; now nobody knows it
 *
 * We make all of them again.  A sleep then takes its whole time once more, which is better than too early an end:
 * the program was never told that there was a signal.
 */
#include "sigframe.h"

#define SYSCALL_SIZE 2 /* bytes of the instruction `syscall`, 0f 05 */

void syscall_restart(struct user_regs_struct *registers)
{
    //@ step 5.3 A system call that was interrupted is made again.
    //@ If orig_rax is a system call (not -1) and rax is -512, -513, -514 or -516, or -ENOSYS (gdb's `catch syscall`
    //@ stops before the call is made): rax becomes orig_rax, and rip goes back by SYSCALL_SIZE.
    long answer = (long)registers->rax;
    bool interrupted = answer == -512 || answer == -513 || answer == -514 || answer == -516 || answer == -ENOSYS;
    if ((long)registers->orig_rax < 0 || !interrupted)
        return;
    registers->rax = registers->orig_rax;
    registers->rip -= SYSCALL_SIZE;
    //@ end
}
