/*
 * part_signals.c - the room of the signals: what each does, and those that wait.  Given.
 *
 * The mask comes back with setcontext(), the alternate stack with the handler's own return (the
 * kernel put both into the signal frame).  Waiting signals cannot be looked at without being taken:
 * so they are taken from the queue, saved, and queued again at once, in this life and in the next.  All
 * signals are blocked meanwhile, so none is acted on.
 */
#include "image_signals.h"
#include "part.h"

/* Queues them (again), for this process: rt_sigqueueinfo(2) lets a process send itself any siginfo. */
static void queue_waiting(const struct image_signals *s)
{
    for (uint64_t i = 0; i < s->waiting_count; i++)
        if (sys_call(SYS_rt_sigqueueinfo, sys_getpid(), s->waiting[i].si_signo, (long)&s->waiting[i], 0) != 0)
            say("ckptlab: a waiting signal is lost: rt_sigqueueinfo(2) failed", NULL);
}

static long save(const struct save_request *request, void *note, size_t room)
{
    struct image_signals *s = note;
    uint64_t n = 0, max = (room - sizeof *s) / sizeof *s->waiting;
    uint64_t set = ~(1UL << (request->signal - 1)); /* that one is ours */
    struct timespec now = {0, 0};
    for (int i = 0; i < SIGNALS; i++)
        sys_call(SYS_rt_sigaction, i + 1, 0, (long)&s->actions[i], MASK_SIZE);
    while (n < max && sys_call(SYS_rt_sigtimedwait, (long)&set, (long)&s->waiting[n], (long)&now, MASK_SIZE) > 0)
        n++;
    s->waiting_count = n;
    queue_waiting(s);
    return n == max ? -E2BIG : (long)(sizeof *s + n * sizeof *s->waiting);
}

static void describe(part_printf print, const void *note, size_t size)
{
    const struct image_signals *s = note;
    print("  waiting: %lu\n  handled, or ignored (i):", s->waiting_count);
    for (int i = 0; i < SIGNALS; i++)
        if (s->actions[i].handler != 0)
            print(" %d%s", i + 1, s->actions[i].handler == 1 ? "i" : "");
    print("\n");
}

static long restore(const void *note, size_t size)
{
    const struct image_signals *s = note;
    for (int i = 0; i < SIGNALS; i++) /* SIGKILL and SIGSTOP answer EINVAL: they have no action */
        sys_call(SYS_rt_sigaction, i + 1, (long)&s->actions[i], 0, MASK_SIZE);
    if (s->waiting_count <= (size - sizeof *s) / sizeof *s->waiting) /* believe no number in an image */
        queue_waiting(s);
    return 0;
}

const struct part signals_part = {NOTE_SIGNALS, "signals", sizeof(struct image_signals), save, describe, restore};
