/*
 * kind_event.c - eventfd(2), a counter that can be waited for; and signalfd(2), which reads signals.  The signals
 * that wait belong to the process: part_signals.c.
 */
#include "open_kind.h"

#include <sys/eventfd.h>

struct event_counter {
    uint64_t count;
    uint64_t semaphore; /* a read takes one, not all */
};

static bool is_eventfd(const struct fd_view *view)
{
    return text_is(view->link, "anon_inode:[eventfd]");
}

static bool is_signalfd(const struct fd_view *view)
{
    return text_is(view->link, "anon_inode:[signalfd]");
}

static bool add(int fd, uint64_t count)
{
    return count == 0 || sys_write(fd, &count, sizeof count) == sizeof count;
}

/*
 * Kernels before 6.5 do not show the semaphore flag.  One read tells: of a counter of 2 or more, a semaphore
 * gives 1, others give all.  The counter is put back as it was.
 */
static bool acts_as_semaphore(int fd, uint64_t count)
{
    uint64_t got = 0, rest, flags = (uint64_t)sys_call(SYS_fcntl, fd, F_GETFL, 0, 0);
    sys_call(SYS_fcntl, fd, F_SETFL, (long)(flags | O_NONBLOCK), 0);
    add(fd, count < 2 ? 2 - count : 0);
    sys_read(fd, &got, sizeof got);
    if (got == 1 && count == 0)
        sys_read(fd, &rest, sizeof rest);
    else if (got == 1)
        add(fd, count < 2 ? 0 : 1);
    else
        add(fd, count);
    sys_call(SYS_fcntl, fd, F_SETFL, (long)flags, 0);
    return got == 1;
}

static long save_eventfd(struct files_save *save, struct open_file *file)
{
    struct event_counter counter = {0, 0};
    if (!fdinfo_number(save->view->info, "eventfd-count", 16, &counter.count))
        return -EIO;
    if (!fdinfo_number(save->view->info, "eventfd-semaphore", 10, &counter.semaphore))
        counter.semaphore = acts_as_semaphore(file->fd, counter.count);
    return save_data(save, file, &counter, sizeof counter);
}

static long open_eventfd(const struct open_file_table *table, const struct open_file *file)
{
    struct event_counter counter;
    if (file->data_size < sizeof counter)
        return -EINVAL;
    memcpy(&counter, open_data(table, file), sizeof counter);
    long fd = sys_call(SYS_eventfd2, 0, EFD_CLOEXEC | (counter.semaphore != 0 ? EFD_SEMAPHORE : 0), 0, 0);
    if (fd >= 0 && counter.count == UINT64_MAX) /* more than write(2) may set: it overflowed */
        counter.count--;
    if (fd < 0 || (add((int)fd, counter.count) && sys_call(SYS_fcntl, fd, F_SETFL, file->flags, 0) == 0))
        return fd;
    sys_close((int)fd);
    return -EIO;
}

static long save_signalfd(struct files_save *save, struct open_file *file)
{
    uint64_t mask;
    if (!fdinfo_number(save->view->info, "sigmask", 16, &mask))
        return -EIO;
    return save_data(save, file, &mask, sizeof mask);
}

static long open_signalfd(const struct open_file_table *table, const struct open_file *file)
{
    uint64_t mask;
    if (file->data_size < sizeof mask)
        return -EINVAL;
    memcpy(&mask, open_data(table, file), sizeof mask);
    return sys_call(SYS_signalfd4, -1, (long)&mask, sizeof mask, O_CLOEXEC | (file->flags & O_NONBLOCK));
}

const struct open_kind kind_eventfd = {"eventfd", is_eventfd, save_eventfd, open_eventfd, NULL};
const struct open_kind kind_signalfd = {"signalfd", is_signalfd, save_signalfd, open_signalfd, NULL};
