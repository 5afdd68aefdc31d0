/*
 * stubs_wait.c - poll(2), select(2) and their relatives, by hand: some descriptors are open here, some at home.
 *
 *     all here       the call goes through the gate
 *     any at home    the shadow polls its own and this kernel ours, at the same time: whoever is first ends it
 *
 * Behind a select() on files at home the rest of the time is not noted in its argument.
 */
#include "remote_table.h"
#include "stubs_signals.h"
#include "syscall_stubs.h"
#include "trap.h"
#include "arch_trap.h"

#define MOST 1024 /* descriptors in one call, if one of them is at home */
#define MILLISECONDS(ns) (((ns) + 999999) / 1000000)

/* The two halves of a call; index[]: where in the program's array each entry stands. */
static struct half {
    struct pollfd fds[MOST + 2]; /* room for what REMOTE_syscall() waits for besides */
    int index[MOST];
    int count;
} here, home;

static bool split(const struct pollfd *fds, size_t count)
{
    here.count = home.count = 0;
    for (size_t i = 0; i < count; i++) {
        long fd = fds[i].fd;
        struct half *half = fd >= 0 && map(&fd) == HOME ? &home : &here;
        half->index[half->count] = (int)i;
        half->fds[half->count++] = (struct pollfd){(int)fd, fds[i].events, 0};
    }
    return home.count > 0;
}

/* The answers go to their places.  Returns how many are not zero. */
static long join(struct pollfd *fds, size_t count)
{
    long ready = 0;
    for (int i = 0; i < here.count; i++)
        fds[here.index[i]].revents = here.fds[i].revents;
    for (int i = 0; i < home.count; i++)
        fds[home.index[i]].revents = home.fds[i].revents;
    for (size_t i = 0; i < count; i++)
        ready += fds[i].revents != 0;
    return ready;
}

static long poll_home(int timeout, bool also_here)
{
    long arguments[CALL_ARGUMENTS] = {(long)home.fds, home.count, timeout};
    struct remote_call call;
    call_begin(&call, CALL_poll, arguments);
    call_inout(&call, 0, (size_t)home.count * sizeof(struct pollfd));
    call.also = here.fds;
    call.also_count = also_here ? here.count : 0;
    return REMOTE_syscall(&call);
}

static void poll_here(void)
{
    struct timespec now = {0, 0};
    sys_call(SYS_ppoll, (long)here.fds, here.count, (long)&now, 0);
}

/* The answer to poll(2), for an array with a descriptor at home; timeout in milliseconds, or less than 0. */
static long poll_both(struct pollfd *fds, size_t count, int timeout)
{
    poll_here();
    bool ready = false;
    for (int i = 0; i < here.count; i++)
        ready = ready || here.fds[i].revents != 0;
    long result = poll_home(ready ? 0 : timeout, here.count > 0);
    poll_here();
    if (result == CALL_AGAIN) { /* nothing at home: a signal, or one of ours */
        for (int i = 0; i < home.count; i++)
            home.fds[i].revents = 0;
        result = join(fds, count);
        return result > 0 ? result : CALL_AGAIN;
    }
    return result < 0 ? result : join(fds, count);
}

static int milliseconds(const struct timespec *time)
{
    if (time == NULL)
        return -1;
    return time->tv_sec > 2000000 ? 2000000000 : (int)(time->tv_sec * 1000 + MILLISECONDS(time->tv_nsec));
}

/*
 * A signal ended a wait that had a mask of its own: it has to come while that mask is set.  So the program makes
 * the call here, with nothing to wait for: the kernel sets the mask, the handler runs, and the answer is EINTR.
 */
static long end_with_mask(struct trap *trap, long mask)
{
    uint64_t *now = &arch_gate_frame(trap->context)->scratch[4];
    now[0] = now[1] = 0;
    const long arguments[] = {0, 0, (long)now, mask, MASK_SIZE, 0};
    trap->number = SYS_ppoll;
    memcpy(trap->arguments, arguments, sizeof arguments);
    return pass_with_mask(trap, 3);
}

long stub_poll(struct trap *trap)
{
    const long *a = trap->arguments;
    struct pollfd *fds = (struct pollfd *)a[0]; // NOLINT
    if (a[1] < 0 || a[1] > MOST || (a[1] > 0 && !readable(fds)) || !split(fds, (size_t)a[1]))
        return CALL_LOCAL;
    return poll_both(fds, (size_t)a[1], (int)a[2]);
}

/* While the call waits, it has this mask. */
static void wait_with(long mask)
{
    if (mask != 0 && readable((const void *)mask)) // NOLINT
        trap_waiting_mask = *(const uint64_t *)mask; // NOLINT
}

long stub_ppoll(struct trap *trap)
{
    const long *a = trap->arguments;
    long mask = a[3];
    struct pollfd *fds = (struct pollfd *)a[0]; // NOLINT
    if (a[1] < 0 || a[1] > MOST || (a[1] > 0 && !readable(fds)) || !split(fds, (size_t)a[1]))
        return pass_with_mask(trap, 3);
    wait_with(mask);
    long result = poll_both(fds, (size_t)a[1], milliseconds((const struct timespec *)a[2])); // NOLINT
    return result == CALL_AGAIN && mask != 0 ? end_with_mask(trap, mask) : result;
}

/* select(2) as poll(2) sees it: one entry for each descriptor that is in a set. */
static struct pollfd asked[MOST];

static size_t from_sets(int count, fd_set *const sets[3])
{
    static const short events[3] = {POLLIN, POLLOUT, POLLPRI};
    size_t used = 0;
    for (int fd = 0; fd < count; fd++) {
        short wanted = 0;
        for (int i = 0; i < 3; i++)
            wanted |= sets[i] != NULL && FD_ISSET(fd, sets[i]) ? events[i] : 0;
        if (wanted != 0)
            asked[used++] = (struct pollfd){fd, wanted, 0};
    }
    return used;
}

static long to_sets(size_t used, fd_set *const sets[3])
{
    static const short means[3] = {POLLIN | POLLHUP | POLLERR, POLLOUT | POLLERR, POLLPRI};
    long bits = 0;
    for (size_t k = 0; k < used; k++)
        for (int i = 0; i < 3; i++)
            if (sets[i] != NULL && FD_ISSET(asked[k].fd, sets[i]) && (asked[k].revents & means[i]))
                bits++;
            else if (sets[i] != NULL)
                FD_CLR(asked[k].fd, sets[i]);
    return bits;
}

/* True if a descriptor in the sets is at home: then *result is the answer. */
static bool select_home(const long *a, int timeout, long *result)
{
    fd_set *const sets[3] = {(fd_set *)a[1], (fd_set *)a[2], (fd_set *)a[3]}; // NOLINT
    int count = (int)a[0];
    for (int i = 0; i < 3; i++)
        if (sets[i] != NULL && !readable(sets[i]))
            return false;
    if (count < 0 || count > MOST)
        return false;
    size_t used = from_sets(count, sets);
    if (!split(asked, used))
        return false;
    *result = poll_both(asked, used, timeout);
    for (size_t k = 0; *result >= 0 && k < used; k++)
        if (asked[k].revents & POLLNVAL)
            *result = -EBADF;
    if (*result >= 0)
        *result = to_sets(used, sets);
    return true;
}

long stub_select(struct trap *trap)
{
    const struct timeval *time = (const struct timeval *)trap->arguments[4]; // NOLINT
    struct timespec same = {time == NULL ? 0 : time->tv_sec, time == NULL ? 0 : time->tv_usec * 1000};
    long result;
    return select_home(trap->arguments, milliseconds(time == NULL ? NULL : &same), &result) ? result : CALL_LOCAL;
}

long stub_pselect6(struct trap *trap)
{
    long *a = trap->arguments, result;
    const uint64_t *given = (const uint64_t *)a[5]; // NOLINT: {mask, size}
    long mask = given != NULL && readable(given) ? (long)given[0] : 0;
    uint64_t *pair = arch_gate_frame(trap->context)->scratch;
    wait_with(mask);
    if (select_home(a, milliseconds((const struct timespec *)a[4]), &result)) // NOLINT
        return result == CALL_AGAIN && mask != 0 ? end_with_mask(trap, mask) : result;
    if (mask == 0)
        return CALL_LOCAL;
    pair[0] = (uint64_t)without_sigsys(trap, mask);
    pair[1] = MASK_SIZE;
    a[5] = (long)pair;
    return CALL_LOCAL;
}
