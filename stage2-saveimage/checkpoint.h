/* checkpoint.h - takes one checkpoint of this process, from inside a signal handler. */
#ifndef CKPT_CHECKPOINT_H
#define CKPT_CHECKPOINT_H

#include "part.h"

/*
 * Writes the image to `path`: first to path.tmp.PID, then renamed, so that under its name there is
 * always a whole image: the old one or the new one.  On failure it says why on stderr, the old image
 * stays, and the program goes on unharmed.  Returns 0 or -errno.
 *
 * Async-signal-safe.  All signals must be blocked, and the process must have one thread.
 */
int checkpoint_take(const struct save_request *request, const char *path);

/*
 * A file over the limit (RLIMIT_FSIZE) costs an error, EFBIG, and a signal, SIGXFSZ, which waits until
 * the handler returns, and then kills.  This takes it back: the program did nothing wrong.
 */
static inline void forget_sigxfsz(void)
{
    uint64_t set = 1UL << (SIGXFSZ - 1);
    struct timespec now = {0, 0};
    sys_call(SYS_rt_sigtimedwait, (long)&set, 0, (long)&now, sizeof set);
}

#endif
