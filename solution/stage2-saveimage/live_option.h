/*
 * live_option.h - ckpt --live and --incremental: put the wish into the environment, CKPT_LIVE, CKPT_INCREMENTAL,
 * for libckpt.so.  Exit with 64 if it is wrong, or this build has neither (nor --evict).  Given to students whole.
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

static inline void incremental_option(void)
{
    if (evict_prepare == NULL)
        errx(EX_USAGE, "--incremental comes with stage 4");
    if (setenv("CKPT_INCREMENTAL", "1", 1) != 0)
        err(EX_OSERR, "CKPT_INCREMENTAL");
}

/* Do they fit together? */
static inline void live_check(void)
{
    bool incremental = strcmp(environment("CKPT_INCREMENTAL", "0"), "0") != 0;
    if (incremental && strstr(environment("CKPT_IMAGE", ""), "%n") != NULL && getenv("CKPT_KEEP") == NULL)
        errx(EX_USAGE, "--incremental with %%n needs --keep N: else all stay, and none is brought up to date");
}

#endif
