/*
 * serve_wait.c - calls that may wait for long: locks, and poll(2).  The shadow never sleeps in one: it asks again
 * and again, or waits for all at once, and hears meanwhile that the job has abandoned the call.
 */
#include "libc.h"
#include "serve.h"
#include "shadow.h"
#include "stub_shadow.h"

#include <sys/file.h>

/* fcntl(F_SETLKW), F_OFD_SETLKW: `command` is the one that does not wait. */
static long lock_and_wait(struct request *r, int command)
{
    int fd = take_fd(r, 0);
    const struct flock *wanted = take_in(r, 2, sizeof *wanted);
    if (r->error == 0 && wanted == NULL)
        r->error = -EFAULT;
    if (r->error != 0)
        return r->error;
    do {
        struct flock lock = *wanted;
        long result = request_result(fcntl(fd, command, &lock));
        if (result != -EAGAIN && result != -EACCES)
            return result;
    } while (shadow_try_again());
    return REQUEST_ABANDONED;
}

long serve_fcntl_F_SETLKW(struct request *r)
{
    return lock_and_wait(r, F_SETLK);
}

long serve_fcntl_F_OFD_SETLKW(struct request *r)
{
    return lock_and_wait(r, F_OFD_SETLK);
}

/*
 * O_NONBLOCK of the job's files is the job's affair; others share the files that it was born with, and those keep
 * it.
 */
long serve_fcntl_F_SETFL(struct request *r)
{
    int fd = take_fd(r, 0), flags = (int)r->arguments[2] & ~(O_NONBLOCK | O_ASYNC | O_DIRECT);
    if (r->error != 0)
        return r->error;
    int has = fcntl(fd, F_GETFL);
    return has < 0 ? -errno : request_result(fcntl(fd, F_SETFL, flags | (has & O_NONBLOCK)));
}

long serve_flock(struct request *r)
{
    int fd = take_fd(r, 0), operation = (int)r->arguments[1];
    if (r->error != 0)
        return r->error;
    for (;;) {
        long result = request_result(flock(fd, operation | LOCK_NB));
        if (result != -EAGAIN || (operation & LOCK_NB))
            return result;
        if (!shadow_try_again())
            return REQUEST_ABANDONED;
    }
}

/* Milliseconds until `end`, at least 0. */
static long until(const struct timespec *end)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    long left = (end->tv_sec - now.tv_sec) * 1000 + (end->tv_nsec - now.tv_nsec + 999999) / 1000000;
    return left > 0 ? left : 0;
}

/* How many are ready, or REQUEST_ABANDONED. */
static long poll_until(struct pollfd *fds, size_t count, int milliseconds)
{
    struct timespec end;
    int ready = poll(fds, count, 0);
    clock_gettime(CLOCK_MONOTONIC, &end);
    end.tv_sec += milliseconds / 1000;
    end.tv_nsec += milliseconds % 1000 * 1000000L;
    while (ready == 0 && milliseconds != 0) {
        long left = milliseconds < 0 ? -1 : until(&end);
        if (left == 0)
            return 0;
        ready = shadow_turn(fds, count, (int)left);
        if (ready == 0 && !shadow_is_wanted())
            return REQUEST_ABANDONED;
    }
    return ready < 0 ? -errno : ready;
}

/* Numbers that are not the job's are not looked at: POLLNVAL. */
long serve_poll(struct request *r)
{
    size_t count = take_count(r, 1, sizeof(struct pollfd));
    struct pollfd *fds = take_inout(r, 0, count * sizeof *fds), asked[TURN_MOST];
    long wrong = 0;
    if (count > TURN_MOST || (count > 0 && fds == NULL))
        r->error = r->error != 0 ? r->error : -EINVAL;
    if (r->error != 0)
        return r->error;
    for (size_t i = 0; i < count; i++) {
        bool invalid = fds[i].fd >= 0 && !job_has(fds[i].fd);
        asked[i] = (struct pollfd){.fd = invalid ? -1 : fds[i].fd, .events = fds[i].events};
        fds[i].revents = invalid ? POLLNVAL : 0;
        wrong += invalid;
    }
    int limit = wrong > 0 || (r->head->flags & CALL_NO_WAIT) ? 0 : (int)r->arguments[2];
    long ready = poll_until(asked, count, limit);
    for (size_t i = 0; i < count && ready > 0; i++)
        fds[i].revents |= asked[i].revents;
    return ready < 0 ? ready : ready + wrong;
}
