/*
 * part_posix_timers.c - the room of the timers of timer_create(2).  Given.
 *
 * Their ids are the kernel's, and the program holds them: so each gets its own again.  A new process counts
 * from 0; a kernel of 2025 takes the number that we want, another is asked until it comes to it.
 *
 * libckpt's own timer (ckpt -i) is left out: libckpt makes a new one in the second life, after these.
 *
 * Read before the signals, and armed before they are queued again.  A timer that rang before is a signal that
 * waits, and part_signals.c keeps it, with its si_overrun: the kernel has armed the timer anew when that was
 * taken from the queue, and counts from there.  So no ring is counted twice, and none is lost; but
 * timer_getoverrun(2) for such a signal answers 0 in the second life.  A timer that would ring while we look
 * is let ring first.
 */
#include "arena.h"
#include "open_kind.h"
#include "part.h"
#include "proc_lines.h"

#include <sys/time.h>

#ifndef PR_TIMER_CREATE_RESTORE_IDS /* Linux 6.16 */
#define PR_TIMER_CREATE_RESTORE_IDS 77
#endif
#define RESTORE_IDS_OFF 0
#define RESTORE_IDS_ON 1

#define MAX_ID 1000000        /* of those that are counted up to: half a second */
#define SOON 1000000          /* nanoseconds: longer than it takes from here to the end of part_signals.c */
#define NSEC_PER_SEC 1000000000

struct posix_timer {
    int32_t id;
    int32_t clock;  /* clockid_t; CPU clocks of the process itself: without its pid */
    int32_t signal;
    int32_t notify; /* SIGEV_SIGNAL, SIGEV_NONE; SIGEV_THREAD_ID may be added: then the one thread */
    uint64_t value; /* sigev_value */
    struct itimerspec time; /* left at the checkpoint, and interval; 0: not armed */
};

struct image_posix_timers {
    uint64_t count;
    struct posix_timer timers[]; /* ascending by id */
};

/* A CPU clock of one process: ~pid << 3 | kind (clock_getcpuclockid(3)).  0 stands for the process itself. */
static int32_t own_clock(int32_t clock)
{
    bool is_cpu_clock = clock < 0 && (clock & 3) != 3;
    return is_cpu_clock && ~(clock >> 3) == sys_getpid() ? (int32_t)(~0U << 3) | (clock & 7) : clock;
}

static int32_t parse_notify(const char *at)
{
    int32_t kind = text_starts(at, "none") ? SIGEV_NONE : text_starts(at, "thread") ? SIGEV_THREAD : SIGEV_SIGNAL;
    while (*at != '/' && *at != '\0')
        at++;
    return kind | (text_starts(at, "/tid") ? SIGEV_THREAD_ID : 0);
}

/*
 * One line of /proc/self/timers, proc_pid_timers(5).  True: the timer is complete.
 *     ID: 1
 *     signal: 60/00007fff86e452a8
 *     notify: signal/pid.2634
 *     ClockID: 0
 */
static bool parse_line(const char *at, struct posix_timer *timer)
{
    bool is_clock = text_starts(at, "ClockID: ");
    bool is_negative = text_starts(at, "ClockID: -");
    if (text_starts(at, "ID: ")) {
        at += strlen("ID: ");
        *timer = (struct posix_timer){.id = (int32_t)text_parse(&at, 10)};
    } else if (text_starts(at, "signal: ")) {
        at += strlen("signal: ");
        timer->signal = (int32_t)text_parse(&at, 10);
        at += *at == '/';
        timer->value = text_parse(&at, 16);
    } else if (text_starts(at, "notify: ")) {
        timer->notify = parse_notify(at + strlen("notify: "));
    } else if (is_clock) {
        at += strlen("ClockID: ") + is_negative;
        int32_t clock = (int32_t)text_parse(&at, 10);
        timer->clock = own_clock(is_negative ? -clock : clock);
    }
    return is_clock;
}

/* Keeps the ids ascending, whatever the order in /proc. */
static void add(struct image_posix_timers *t, const struct posix_timer *timer)
{
    uint64_t at = t->count++;
    for (; at > 0 && t->timers[at - 1].id > timer->id; at--)
        t->timers[at] = t->timers[at - 1];
    t->timers[at] = *timer;
}

static long list_timers(struct image_posix_timers *t, size_t max, struct proc_lines *lines, int own_signal)
{
    struct posix_timer timer = {0};
    char *line;
    while ((line = proc_line(lines)) != NULL) {
        if (!parse_line(line, &timer))
            continue;
        bool is_libckpts = timer.signal == own_signal && timer.notify == SIGEV_SIGNAL;
        if (t->count == max)
            return -E2BIG;
        if (!is_libckpts)
            add(t, &timer);
        else
            own_signal = 0; /* only the first one: it is made before main() */
    }
    return 0;
}

/* Of two times left, in nanoseconds, the sooner; 0 is a timer that is not armed. */
static uint64_t sooner(uint64_t a, int64_t seconds, int64_t nanoseconds)
{
    uint64_t b = seconds > 0 ? NSEC_PER_SEC : (uint64_t)nanoseconds;
    return b == 0 || (a != 0 && a < b) ? a : b;
}

/* Reads the times; returns the nanoseconds until the first timer rings, alarm(2)'s as well, 0: none is armed. */
static uint64_t read_times(struct image_posix_timers *t)
{
    struct itimerval alarm = {0};
    sys_call(SYS_getitimer, ITIMER_REAL, (long)&alarm, 0, 0);
    uint64_t soonest = sooner(0, alarm.it_value.tv_sec, alarm.it_value.tv_usec * 1000);
    for (uint64_t i = 0; i < t->count; i++) {
        sys_call(SYS_timer_gettime, t->timers[i].id, (long)&t->timers[i].time, 0, 0);
        soonest = sooner(soonest, t->timers[i].time.it_value.tv_sec, t->timers[i].time.it_value.tv_nsec);
    }
    return soonest;
}

/* The signals are blocked, so what rings now will be found waiting.  A timer of less than SOON never lets us. */
static void read_times_in_peace(struct image_posix_timers *t)
{
    uint64_t soonest;
    for (int tries = 0; tries < 5 && (soonest = read_times(t)) != 0 && soonest < SOON; tries++) {
        struct timespec pause = {0, (long)soonest};
        sys_call(SYS_nanosleep, (long)&pause, 0, 0, 0);
    }
    read_times(t);
}

/*
 * A periodic timer of setitimer(2) that has rung is armed again when its SIGALRM is taken, and part_timers.c looks
 * after us: so take it, and queue it again.  One can wait for the thread, and one, the timer's, for the process.
 */
static void rearm_interval_timer(void)
{
    uint64_t alarm = 1UL << (SIGALRM - 1);
    struct timespec now = {0, 0};
    siginfo_t waiting[2];
    int count = 0;
    while (count < 2 &&
           sys_call(SYS_rt_sigtimedwait, (long)&alarm, (long)&waiting[count], (long)&now, sizeof alarm) > 0)
        count++;
    while (count-- > 0)
        sys_call(SYS_rt_sigqueueinfo, sys_getpid(), SIGALRM, (long)&waiting[count], 0);
}

static long save(const struct save_request *request, void *note, size_t room)
{
    struct image_posix_timers *t = note;
    struct proc_lines lines;
    rearm_interval_timer();
    if (room <= PART_ROOM + sizeof *t)
        return -E2BIG;
    long error = proc_lines_open(&lines, "/proc/self/timers", (char *)note + room - PART_ROOM, PART_ROOM);
    if (error == -ENOENT)
        say("libckpt: timers of timer_create(2), if there are any, are not saved: this kernel does not show them",
            NULL);
    if (error != 0)
        return error == -ENOENT ? 0 : error;
    long full = list_timers(t, (room - PART_ROOM - sizeof *t) / sizeof *t->timers, &lines,
                            request->periodic ? request->signal : 0);
    error = proc_lines_close(&lines);
    if (error != 0 || full != 0)
        return error != 0 ? error : full;
    read_times_in_peace(t);
    return t->count == 0 ? 0 : (long)(sizeof *t + t->count * sizeof *t->timers);
}

static void describe(part_printf print, const void *note, size_t size)
{
    const struct image_posix_timers *t = note;
    if (t->count > (size - sizeof *t) / sizeof *t->timers)
        return;
    for (const struct posix_timer *timer = t->timers; timer < t->timers + t->count; timer++)
        print("  %d: clock %d, %s %d, %ld.%09ld s left, then every %ld.%09ld s\n", timer->id, timer->clock,
              timer->notify == SIGEV_NONE ? "no signal" : "signal", timer->signal, timer->time.it_value.tv_sec,
              timer->time.it_value.tv_nsec, timer->time.it_interval.tv_sec, timer->time.it_interval.tv_nsec);
}

/* One timer that has the right id; others that come on the way are deleted.  0 or -errno. */
static long create(const struct posix_timer *timer)
{
    struct sigevent event = {.sigev_notify = timer->notify, .sigev_signo = timer->signal};
    event.sigev_value.sival_ptr = (void *)timer->value; // NOLINT: the program's own, whatever it is
    if (timer->notify & SIGEV_THREAD_ID)
        event._sigev_un._tid = (int)sys_getpid();
    for (;;) {
        int id = timer->id; /* asked for, if that is possible */
        long error = sys_call(SYS_timer_create, timer->clock, (long)&event, (long)&id, 0);
        if (error != 0 || id == timer->id)
            return error;
        sys_call(SYS_timer_delete, id, 0, 0, 0);
        if (id > timer->id || timer->id > MAX_ID)
            return -ERANGE;
    }
}

static void restore_timer(const struct posix_timer *timer)
{
    long error = create(timer);
    if (error == 0)
        error = sys_call(SYS_timer_settime, timer->id, 0, (long)&timer->time, 0);
    if (error != 0)
        say("restart: timer ", text_number((uint64_t)timer->id, 10).digits,
            " (timer_create(2)) cannot be restored: errno ", text_number((uint64_t)-error, 10).digits, NULL);
}

static long restore(const void *note, size_t size)
{
    const struct image_posix_timers *t = note;
    if (t->count > (size - sizeof *t) / sizeof *t->timers)
        return -EINVAL;
    bool asks = sys_call(SYS_prctl, PR_TIMER_CREATE_RESTORE_IDS, RESTORE_IDS_ON, 0, 0) == 0;
    for (const struct posix_timer *timer = t->timers; timer < t->timers + t->count; timer++)
        restore_timer(timer);
    if (asks)
        sys_call(SYS_prctl, PR_TIMER_CREATE_RESTORE_IDS, RESTORE_IDS_OFF, 0, 0);
    return 0;
}

const struct part posix_timers_part = {NOTE_POSIX_TIMERS, "posix-timers", sizeof(struct image_posix_timers),
                                       save, describe, restore};
