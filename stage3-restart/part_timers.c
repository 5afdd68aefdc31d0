/*
 * part_timers.c - the room of the interval timers (setitimer(2)).  Given.
 *
 * They are armed last of all: their signals are blocked until the program runs, but time is theirs.
 *
 * The kernel arms a periodic ITIMER_REAL anew when its SIGALRM is taken from the queue, and not before.  While that
 * waits, no time is left, but there is an interval; set so, the timer would be dead.  So it rings in an interval.
 */
#include "part.h"

#include <sys/time.h>

#define TIMERS 3 /* ITIMER_REAL, ITIMER_VIRTUAL, ITIMER_PROF are 0, 1, 2 */

struct image_timers {
    struct itimerval timers[TIMERS]; /* time left and interval at the checkpoint; 0: not armed */
};

static long save(const struct save_request *request, void *note, size_t room)
{
    struct image_timers *t = note;
    for (int i = 0; i < TIMERS; i++)
        sys_call(SYS_getitimer, i, (long)&t->timers[i], 0, 0);
    return sizeof *t;
}

static void describe(part_printf print, const void *note, size_t size)
{
    const struct image_timers *t = note;
    static const char names[TIMERS][8] = {"real", "virtual", "prof"};
    for (int i = 0; i < TIMERS; i++)
        print("  %s: %ld.%06ld s left, then every %ld.%06ld s\n", names[i], t->timers[i].it_value.tv_sec,
              t->timers[i].it_value.tv_usec, t->timers[i].it_interval.tv_sec, t->timers[i].it_interval.tv_usec);
}

static long restore(const void *note, size_t size)
{
    const struct image_timers *t = note;
    long error = 0;
    for (int i = 0; i < TIMERS && error == 0; i++) {
        struct itimerval timer = t->timers[i];
        timer.it_value = timerisset(&timer.it_value) ? timer.it_value : timer.it_interval;
        error = sys_call(SYS_setitimer, i, (long)&timer, 0, 0);
    }
    return error;
}

const struct part timers_part = {NOTE_TIMERS, "timers", sizeof(struct image_timers), save, describe, restore};
