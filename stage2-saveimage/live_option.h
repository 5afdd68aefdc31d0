/*
 * live_option.h - ckpt --live: puts the wish into the environment, CKPT_LIVE, for libckpt.so.  It comes with stage
 * 4, as --evict does.  Exits with 64 if it is wrong.  Given to students whole.
 */
#ifndef CKPT_LIVE_OPTION_H
#define CKPT_LIVE_OPTION_H

#include "evict.h"
#include "libc.h"

static inline void live_option(const char *way)
{
    if (evict_prepare == NULL)
        errx(EX_USAGE, "--live comes with stage 4");
    if (way != NULL && strcmp(way, "fork") != 0 && strcmp(way, "track") != 0)
        errx(EX_USAGE, "--live=%s: there are --live=fork, which is --live, and --live=track", way);
    if (setenv("CKPT_LIVE", way != NULL ? way : "fork", 1) != 0)
        err(EX_OSERR, "CKPT_LIVE");
}

#endif
