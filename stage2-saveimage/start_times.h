/*
 * start_times.h - ckpt --times: how long the start of a program takes, from ckpt to its main().
 *
 * ckpt is gone when the constructor of libckpt.so runs, so the environment carries what it noted, CKPT_TIMES: the
 * nanoseconds of two phases, and when the last one ended.  Uses libc.  Given to students whole.
 */
#ifndef CKPT_START_TIMES_H
#define CKPT_START_TIMES_H

#include "libc.h"
#include "times.h"

#define START_TIMES "CKPT_TIMES"

/* ckpt, just before it becomes the program: from times_start_program() on it is one phase. */
static inline void start_times_pass(struct times *times)
{
    char text[3 * sizeof(struct number)];
    unsetenv(START_TIMES); /* of another ckpt's */
    if (!times->wanted)
        return;
    times_end(times, "ckpt");
    snprintf(text, sizeof text, "%lu %lu %lu", times->phases[0].nanoseconds, times->phases[1].nanoseconds,
             times->last);
    setenv(START_TIMES, text, 1);
}

/*
 * The constructor, first of all.  `first`: this is the process that ckpt started.  The program after the next exec
 * is not what ckpt started, so it finds no times, but the wish.
 */
static inline void start_times_take(struct times *times, bool first)
{
    const char *text = getenv(START_TIMES);
    char *rest;
    times->wanted = text != NULL;
    times_start(times);
    if (text == NULL || !first || strchr(text, ' ') == NULL)
        return;
    uint64_t now = times->last;
    times_add(times, "ckpt, before its main()", strtoul(text, &rest, 10));
    times_add(times, "ckpt", strtoul(rest, &rest, 10));
    times_add(times, "execve(2) and ld.so", now - strtoul(rest, &rest, 10));
    setenv(START_TIMES, "1", 1);
}

#endif
