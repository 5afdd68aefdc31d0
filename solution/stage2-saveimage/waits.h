/* waits.h - a program that slept or waited when the checkpoint signal came goes on with it. */
#ifndef CKPT_WAITS_H
#define CKPT_WAITS_H

#include <ucontext.h>

/*
 * To be called last in the handler of `signal`, with all signals blocked, in both lives: if the system call that
 * the signal has ended can be made again so that it ends when it would have ended, changes `context`, the
 * handler's frame, so that it is.  Else the call fails with EINTR, as signal(7) says.  Async-signal-safe.
 * Weak: NULL in a build in which each such call fails.
 */
void waits_go_on(ucontext_t *context, int signal) __attribute__((weak));

#endif
