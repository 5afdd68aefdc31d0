/* stubs_signals.h - calls that wait with a signal mask of their own: ppoll(2), pselect(2), sigsuspend(2), ... */
#ifndef CKPT_STUBS_SIGNALS_H
#define CKPT_STUBS_SIGNALS_H

#include "remote_call.h"

/* A mask at this address, without SIGSYS: a copy of it, in the scratch of the gate's frame; or `mask` itself. */
long without_sigsys(struct trap *trap, long mask);

/* CALL_LOCAL, with argument i, the address of a mask, changed to that. */
long pass_with_mask(struct trap *trap, int i);

#endif
