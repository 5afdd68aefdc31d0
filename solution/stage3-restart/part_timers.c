/*
 * part_timers.c - the room of the interval timers (setitimer(2)).  Given.
 *
 * They are armed last of all: their signals are blocked until the program runs, but time is theirs.
 */
#include "part.h"
#include "sys.h"

#include <errno.h>
#include <sys/time.h>

#define TIMERS 3 /* ITIMER_REAL, ITIMER_VIRTUAL, ITIMER_PROF are 0, 1, 2 */

struct image_timers {
    struct itimerval timers[TIMERS]; /* time left and interval at the checkpoint; 0: not armed */
};

static long save(const struct save_request *request, void *note, size_t room)
{
    struct image_timers *t = note;
    (void)request;
    if (room < sizeof *t)
        return -ENOMEM;
    for (int i = 0; i < TIMERS; i++) {
        long error = sys_call(SYS_getitimer, i, (long)&t->timers[i], 0, 0);
        if (error != 0)
            return error;
    }
    return sizeof *t;
}

static void describe(struct out *o, const void *note, size_t size)
{
    static const char names[TIMERS][8] = {"real", "virtual", "prof"};
    const struct image_timers *t = note;
    (void)size;
    for (int i = 0; i < TIMERS; i++)
        out_printf(o, "  %s: %ld.%06ld s left, then every %ld.%06ld s\n", names[i], t->timers[i].it_value.tv_sec,
                   t->timers[i].it_value.tv_usec, t->timers[i].it_interval.tv_sec, t->timers[i].it_interval.tv_usec);
}

static long restore(const struct restore_request *request, const void *note, size_t size)
{
    const struct image_timers *t = note;
    (void)request, (void)size;
    for (int i = 0; i < TIMERS; i++) {
        long error = sys_call(SYS_setitimer, i, (long)&t->timers[i], 0, 0);
        if (error != 0)
            return error;
    }
    return 0;
}

const struct part timers_part = {
    .type = NOTE_TIMERS,
    .name = "timers",
    .min_size = sizeof(struct image_timers),
    .save = save,
    .describe = describe,
    .restore = restore,
};
