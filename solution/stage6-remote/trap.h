/* trap.h - the handler of SIGSYS: every system call that the program makes comes here.  Async-signal-safe. */
#ifndef CKPT_TRAP_H
#define CKPT_TRAP_H

#include "image_signals.h"
#include "remote_call.h"

/* Registers the handler, with a stack of its own.  The filter (trap_filter.h) is not on yet. */
void trap_register(int checkpoint_signal);

/* rt_sigaction(2) for SIGSYS, as the program sees it: the handler is ours, the program's own is noted only. */
extern struct kernel_sigaction trap_program_action;

/* Says, once for each call, that and why it is not made. */
void trap_refused(const struct trap *trap, const char *name, const char *why);

#define SIGNAL_BIT(signal) (1UL << ((signal)-1))

/* The program's signal mask, where the kernel left it and will find it. */
static inline uint64_t *trap_mask(struct trap *trap)
{
    return (uint64_t *)&trap->context->uc_sigmask; // NOLINT
}

/* The signals that the program lets through while a call waits; stubs of ppoll(2) and the like change it. */
extern uint64_t trap_waiting_mask;

#endif
