/*
 * part_signals.c - the room of the signals: what each does, and those that wait.  Given.
 *
 * The mask comes back with setcontext(), the alternate stack with the handler's own return (the
 * kernel put both into the signal frame).  Waiting signals cannot be looked at without being taken:
 * so they are taken from the queue, saved, and queued again, in this life and in the next.
 */
#include "part.h"
#include "sys.h"

#include <errno.h>
#include <signal.h>
#include <time.h>

#define SIGNALS 64

/* The kernel's own struct sigaction, <asm/signal.h>: not libc's, whose sa_mask is larger. */
struct kernel_sigaction {
    uint64_t handler; /* an address, or SIG_DFL (0), SIG_IGN (1) */
    uint64_t flags;
    uint64_t restorer;
    uint64_t mask;
};

struct image_signals {
    struct kernel_sigaction actions[SIGNALS]; /* of signal i + 1 */
    uint64_t waiting_count;
    siginfo_t waiting[]; /* in the order in which they came */
};

static uint64_t signal_bit(int number)
{
    return 1UL << (number - 1);
}

/* Takes the waiting signals, all but the checkpoint signal.  Returns their number, or -errno. */
static long take_waiting(uint64_t set, siginfo_t *to, size_t room)
{
    struct timespec now = {0, 0};
    long count = 0;
    for (;;) {
        if ((size_t)(count + 1) * sizeof *to > room)
            return -E2BIG;
        long n = sys_call(SYS_rt_sigtimedwait, (long)&set, (long)&to[count], (long)&now, sizeof set);
        if (n == -EAGAIN)
            return count;
        if (n > 0)
            count++;
        else if (n != -EINTR)
            return n;
    }
}

/* Queues them again, for this process: rt_sigqueueinfo(2) lets a process send itself any siginfo. */
static void queue_waiting(const siginfo_t *waiting, uint64_t count)
{
    for (uint64_t i = 0; i < count; i++) {
        long error = sys_call(SYS_rt_sigqueueinfo, sys_getpid(), waiting[i].si_signo, (long)&waiting[i], 0);
        if (error != 0)
            out_complain("ckptlab", "a waiting signal is lost", out_error_text(-error));
    }
}

static long save(const struct save_request *request, void *note, size_t room)
{
    struct image_signals *s = note;
    if (room < sizeof *s)
        return -ENOMEM;
    for (int i = 0; i < SIGNALS; i++)
        sys_call(SYS_rt_sigaction, i + 1, 0, (long)&s->actions[i], sizeof s->actions[i].mask);
    long count = take_waiting(~signal_bit(request->signal), s->waiting, room - sizeof *s);
    if (count < 0) {
        queue_waiting(s->waiting, (room - sizeof *s) / sizeof *s->waiting);
        return count;
    }
    s->waiting_count = (uint64_t)count;
    return (long)(sizeof *s + (size_t)count * sizeof *s->waiting);
}

/* False if the note is too short for the number of waiting signals that it claims. */
static bool is_whole(const struct image_signals *s, size_t size)
{
    return s->waiting_count <= (size - sizeof *s) / sizeof *s->waiting;
}

static void resume(const void *note, size_t size)
{
    const struct image_signals *s = note;
    (void)size;
    queue_waiting(s->waiting, s->waiting_count);
}

static void describe(struct out *o, const void *note, size_t size)
{
    const struct image_signals *s = note;
    out_printf(o, "  handlers:");
    for (int i = 0; i < SIGNALS; i++)
        if (s->actions[i].handler > 1)
            out_printf(o, " %d", i + 1);
    out_printf(o, "\n  ignored:");
    for (int i = 0; i < SIGNALS; i++)
        if (s->actions[i].handler == 1)
            out_printf(o, " %d", i + 1);
    out_printf(o, "\n  waiting:");
    for (uint64_t i = 0; is_whole(s, size) && i < s->waiting_count; i++)
        out_printf(o, " %d", s->waiting[i].si_signo);
    out_printf(o, "\n");
}

static long restore(const struct restore_request *request, const void *note, size_t size)
{
    const struct image_signals *s = note;
    (void)request;
    for (int i = 0; i < SIGNALS; i++) /* SIGKILL and SIGSTOP answer EINVAL: they have no action */
        sys_call(SYS_rt_sigaction, i + 1, (long)&s->actions[i], 0, sizeof s->actions[i].mask);
    if (is_whole(s, size))
        queue_waiting(s->waiting, s->waiting_count);
    return 0;
}

const struct part signals_part = {
    .type = NOTE_SIGNALS,
    .name = "signals",
    .min_size = sizeof(struct image_signals),
    .save = save,
    .resume = resume,
    .describe = describe,
    .restore = restore,
};
