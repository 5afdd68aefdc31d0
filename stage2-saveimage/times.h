/*
 * times.h - where the time of a checkpoint and of a restart goes: ckpt --times, restart --times.
 *
 * The clock is read where a phase ends and the next begins.  The phases are printed when all is done, so that the
 * printing is in none of them.  Without the option nothing is read.  All functions are async-signal-safe and have
 * no memory but the struct: so the same ones work in the handler, and in the restorer.  Given to students whole.
 */
#ifndef CKPT_TIMES_H
#define CKPT_TIMES_H

#include "sys.h"
#include "text.h"

#define TIMES_PHASES 48 /* the last one takes what does not fit */
#define TIMES_NAME 24   /* bytes, with the '\0' */

struct times {
    int wanted;    /* 0: not asked for */
    uint64_t last; /* when the last phase ended; nanoseconds, CLOCK_MONOTONIC */
    size_t count;
    struct phase {
        char name[TIMES_NAME]; /* a copy: where the restorer prints it, restart's memory is gone */
        uint64_t nanoseconds;
    } phases[TIMES_PHASES];
};

static inline uint64_t times_clock(clockid_t clock)
{
    struct timespec now = {0, 0};
    sys_call(SYS_clock_gettime, clock, (long)&now, 0, 0);
    return (uint64_t)now.tv_sec * 1000000000UL + (uint64_t)now.tv_nsec;
}

/* Notes a phase that took so long. */
static inline void times_add(struct times *times, const char *phase, uint64_t nanoseconds)
{
    if (times->count < TIMES_PHASES)
        times->phases[times->count++].nanoseconds = 0;
    struct phase *last = &times->phases[times->count - 1];
    text_join(last->name, sizeof last->name, phase, NULL);
    last->nanoseconds += nanoseconds;
}

/* The first phase begins. */
static inline void times_start(struct times *times)
{
    times->count = 0;
    if (times->wanted)
        times->last = times_clock(CLOCK_MONOTONIC);
}

/*
 * The same for a program that has just begun.  When it was executed is told in ticks of 10 ms only; but its CPU
 * time says how long that took, with ld.so and what the kernel did for it.
 */
static inline void times_start_program(struct times *times)
{
    times_start(times);
    if (times->wanted)
        times_add(times, "before main()", times_clock(CLOCK_PROCESS_CPUTIME_ID));
}

/* A phase ends, the next one begins. */
static inline void times_end(struct times *times, const char *phase)
{
    if (!times->wanted)
        return;
    uint64_t now = times_clock(CLOCK_MONOTONIC);
    times_add(times, phase, now - times->last);
    times->last = now;
}

static inline void times_line(const char *who, uint64_t nanoseconds, const char *what)
{
    struct number number = text_number((nanoseconds + 500) / 1000, 10);
    size_t digits = strlen(number.digits);
    say(who, &"       "[digits < 7 ? digits : 7], number.digits, " us  ", what, NULL);
}

/* The last phase ends: prints all, one in a line, and what they are together; each line begins with `who`. */
static inline void times_say(struct times *times, const char *phase, const char *who, const char *together)
{
    uint64_t sum = 0;
    if (!times->wanted)
        return;
    times_end(times, phase);
    for (size_t i = 0; i < times->count; sum += times->phases[i++].nanoseconds)
        times_line(who, times->phases[i].nanoseconds, times->phases[i].name);
    times_line(who, sum, together);
}

#endif
