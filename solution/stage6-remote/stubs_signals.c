/*
 * stubs_signals.c - signals, by hand: SIGSYS is ours and must never be blocked, or the kernel ends the process at
 * its next system call.  The program sees neither: its own action and mask of SIGSYS are noted, and shown to it.
 */
#include "stubs_signals.h"
#include "syscall_stubs.h"
#include "trap.h"
#include "arch_trap.h"

#define OURS SIGNAL_BIT(SIGSYS)
#define NEVER (SIGNAL_BIT(SIGKILL) | SIGNAL_BIT(SIGSTOP))

static bool sigsys_blocked; /* as far as the program knows */

/* sigprocmask(2): the mask that the program will have when this handler returns lies in the signal frame. */
long stub_rt_sigprocmask(struct trap *trap)
{
    long how = trap->arguments[0];
    const uint64_t *set = (const uint64_t *)trap->arguments[1]; // NOLINT
    uint64_t *old = (uint64_t *)trap->arguments[2], *mask = trap_mask(trap), now = *mask; // NOLINT
    if (trap->arguments[3] != MASK_SIZE || (set != NULL && how != SIG_BLOCK && how != SIG_UNBLOCK &&
                                              how != SIG_SETMASK))
        return -EINVAL;
    if ((set != NULL && !readable(set)) || (old != NULL && !writable(old)))
        return -EFAULT;
    now |= sigsys_blocked ? OURS : 0;
    uint64_t given = set == NULL ? 0 : *set;
    if (old != NULL)
        *old = now;
    if (set != NULL)
        now = how == SIG_BLOCK ? now | given : how == SIG_UNBLOCK ? now & ~given : given;
    sigsys_blocked = (now & OURS) != 0;
    *mask = now & ~(OURS | NEVER);
    return 0;
}

/* sigaction(2). */
long stub_rt_sigaction(struct trap *trap)
{
    const struct kernel_sigaction *action = (const struct kernel_sigaction *)trap->arguments[1]; // NOLINT
    struct kernel_sigaction *old = (struct kernel_sigaction *)trap->arguments[2], changed = {0}; // NOLINT
    if (action != NULL && !readable(action))
        return -EFAULT;
    if (action != NULL)
        changed = *action;
    if (trap->arguments[0] == SIGSYS && trap->arguments[3] == MASK_SIZE) {
        if (old != NULL && !writable(old))
            return -EFAULT;
        if (old != NULL)
            *old = trap_program_action;
        if (action != NULL)
            trap_program_action = changed;
        return 0;
    }
    changed.mask &= ~OURS;
    return sys_call(SYS_rt_sigaction, trap->arguments[0], action == NULL ? 0 : (long)&changed, (long)old,
                    trap->arguments[3]);
}

/* A mask that a call has while it waits, without SIGSYS: a copy of it lies beside the program's stack. */
long without_sigsys(struct trap *trap, long mask)
{
    uint64_t *copy = &arch_gate_frame(trap->context)->scratch[2];
    if (mask == 0 || !readable((const void *)mask)) // NOLINT
        return mask;
    *copy = *(const uint64_t *)mask & ~OURS; // NOLINT
    return (long)copy;
}

/* The call goes through the gate, with a mask (argument i) that lets SIGSYS through. */
long pass_with_mask(struct trap *trap, int i)
{
    trap->arguments[i] = without_sigsys(trap, trap->arguments[i]);
    return CALL_LOCAL;
}

long stub_rt_sigsuspend(struct trap *trap)
{
    return pass_with_mask(trap, 0);
}

long stub_epoll_pwait(struct trap *trap)
{
    return pass_with_mask(trap, 4);
}

long stub_epoll_pwait2(struct trap *trap)
{
    return pass_with_mask(trap, 4);
}

/* Signals to others would reach this machine's processes, of which the job knows nothing. */
static long only_to_itself(struct trap *trap, long pid)
{
    return pid == sys_getpid() || pid == 0 || pid == -sys_getpid() ? CALL_LOCAL : -ESRCH;
}

long stub_kill(struct trap *trap)
{
    return only_to_itself(trap, (int)trap->arguments[0]);
}

long stub_tkill(struct trap *trap)
{
    return only_to_itself(trap, (int)trap->arguments[0]);
}

long stub_tgkill(struct trap *trap)
{
    return only_to_itself(trap, (int)trap->arguments[0]);
}
