/*
 * kind_timerfd.c - timers that are descriptors (timerfd_create(2)).
 *
 * The time that was left goes on from the moment of the restart.  Only a timer that was set to a time of day
 * (CLOCK_REALTIME, TFD_TIMER_ABSTIME) keeps that time: if it has passed meanwhile, the timer expires at once.
 */
#include "open_kind.h"

#include <sys/timerfd.h>

#ifndef TFD_IOC_SET_TICKS
#define TFD_IOC_SET_TICKS 0x40085400U /* _IOW('T', 0, uint64_t); kernels with CONFIG_CHECKPOINT_RESTORE */
#endif
#define BILLION 1000000000

struct timer {
    uint64_t clock, flags; /* of timerfd_create(2), and of timerfd_settime(2) */
    uint64_t ticks;        /* expirations that no read has taken yet */
    struct itimerspec left;
    struct timespec then; /* what the clock said */
};

static bool is_timerfd(const struct fd_view *view)
{
    return text_is(view->link, "anon_inode:[timerfd]");
}

/* timerfd_gettime(2) makes the kernel count all expirations until now, and only then fdinfo shows them. */
static long save_timerfd(struct files_save *save, struct open_file *file)
{
    char path[64], info[512];
    struct timer timer = {0};
    text_join(path, sizeof path, "/proc/self/fdinfo/", text_number((uint64_t)file->fd, 10).digits, NULL);
    long error = sys_call(SYS_timerfd_gettime, file->fd, (long)&timer.left, 0, 0);
    if (error == 0)
        error = procfile_read(path, info, sizeof info);
    if (error < 0)
        return error;
    if (!fdinfo_number(info, "clockid", 10, &timer.clock) || !fdinfo_number(info, "ticks", 10, &timer.ticks) ||
        !fdinfo_number(info, "settime flags", 8, &timer.flags))
        return -EIO;
    sys_call(SYS_clock_gettime, (long)timer.clock, (long)&timer.then, 0, 0);
    return save_data(save, file, &timer, sizeof timer);
}

static long open_timerfd(const struct open_file_table *table, const struct open_file *file)
{
    struct timer timer;
    if (file->data_size < sizeof timer)
        return -EINVAL;
    memcpy(&timer, open_data(table, file), sizeof timer);
    return sys_call(SYS_timerfd_create, (long)timer.clock, O_CLOEXEC | (file->flags & O_NONBLOCK), 0, 0);
}

/* From time left to a time of the clock, for TFD_TIMER_ABSTIME. */
static void make_absolute(struct timer *timer)
{
    struct timespec *value = &timer->left.it_value, since = timer->then;
    if (timer->clock != CLOCK_REALTIME && timer->clock != CLOCK_REALTIME_ALARM)
        sys_call(SYS_clock_gettime, (long)timer->clock, (long)&since, 0, 0);
    uint64_t nanoseconds = (uint64_t)value->tv_nsec + (uint64_t)since.tv_nsec;
    value->tv_sec = (time_t)((uint64_t)value->tv_sec + (uint64_t)since.tv_sec + nanoseconds / BILLION);
    value->tv_nsec = (long)(nanoseconds % BILLION);
}

/* Without TFD_IOC_SET_TICKS, an expiration can be had only by expiring: at once, and it is one. */
static long expire_now(const struct open_file_table *table, const struct open_file *file, struct timer *timer)
{
    timer->left.it_value = (struct timespec){0, 1};
    if (timer->ticks > 1)
        say("restart: descriptor ", text_number((uint64_t)file->fd, 10).digits, ", timerfd: of ",
            text_number(timer->ticks, 10).digits, " expirations that were not read, one is left (a kernel with "
            "CONFIG_CHECKPOINT_RESTORE keeps them)", NULL);
    return sys_call(SYS_timerfd_settime, file->fd, 0, (long)&timer->left, 0);
}

long kind_timerfd_finish(const struct open_file_table *table, const struct open_file *file)
{
    struct timer timer;
    if (file->data_size < sizeof timer)
        return -EINVAL;
    memcpy(&timer, open_data(table, file), sizeof timer);
    struct itimerspec left = timer.left;
    bool armed = left.it_value.tv_sec != 0 || left.it_value.tv_nsec != 0;
    if (armed && (timer.flags & TFD_TIMER_ABSTIME))
        make_absolute(&timer);
    long error = sys_call(SYS_timerfd_settime, file->fd, (long)timer.flags, (long)&timer.left, 0);
    if (error == 0 && timer.ticks > 0 &&
        sys_call(SYS_ioctl, file->fd, TFD_IOC_SET_TICKS, (long)&timer.ticks, 0) != 0)
        error = expire_now(table, file, &timer);
    if (error != 0)
        say("restart: descriptor ", text_number((uint64_t)file->fd, 10).digits, ", timerfd: it cannot be set",
            NULL);
    return error;
}

const struct open_kind kind_timerfd = {"timerfd", is_timerfd, save_timerfd, open_timerfd, NULL};
