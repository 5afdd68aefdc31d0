/*
 * portable.h - ckpt --portable: libc chooses no more of the processor than a level has, so that the program can go
 * on where there is no more.  It binds glibc alone: who asks cpuid by himself (OpenSSL, numpy; gcc's
 * __builtin_cpu_supports()) is told of all that is there.
 */
#ifndef CKPT_PORTABLE_H
#define CKPT_PORTABLE_H

#include "arch.h"
#include "libc.h"

#define PORTABLE "CKPT_PORTABLE" /* in the environment: the level's name, for libckpt.so */

/* The number of the level of this name; 0: there is no such one that libc can be bound to. */
static inline unsigned portable_level(const char *name)
{
    return strcmp(name, "x86-64-v2") == 0 ? 2 : strcmp(name, "x86-64-v3") == 0 ? 3 : 0;
}

/*
 * For ckpt: puts the wish into the environment.  NULL: the default.  Exits with 64 if there is no such level.
 * Weak: NULL in a build that cannot.
 */
void portable_prepare(const char *level) __attribute__((weak, visibility("hidden")));

/* The option --portable. */
static inline void portable_option(const char *level)
{
    if (portable_prepare == NULL)
        errx(EX_USAGE, "--portable comes with stage 3");
    portable_prepare(level);
}

#endif
