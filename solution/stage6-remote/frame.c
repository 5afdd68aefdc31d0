/* frame.c - frames on a stream of bytes. */
#include "frame.h"

#include <errno.h>
#include <poll.h>
#include <unistd.h>

static int wait_for(int fd, short events)
{
    struct pollfd ready = {fd, events, 0};
    return poll(&ready, 1, -1) < 0 && errno != EINTR ? -errno : 0;
}

/* size bytes; 0 at a clean end, 1 or -errno. */
static int read_all(int fd, void *to, size_t size)
{
    size_t done = 0;
    while (done < size) {
        ssize_t n = read(fd, (char *)to + done, size - done);
        int error = n >= 0 || errno == EINTR ? 0 : errno == EAGAIN ? wait_for(fd, POLLIN) : -errno;
        if (error != 0)
            return error;
        if (n == 0)
            return done == 0 ? 0 : -EPIPE;
        done += n > 0 ? (size_t)n : 0;
    }
    return 1;
}

const char *frame_problem(const struct frame *frame)
{
    if (frame->kind < FRAME_HELLO || frame->kind >= FRAME_END)
        return "not a frame";
    return frame->size > FRAME_MAX ? "a frame is too large" : NULL;
}

int frame_read(int fd, struct frame *frame, void *data)
{
    int got = read_all(fd, frame, sizeof *frame);
    if (got != 1)
        return got;
    if (frame_problem(frame) != NULL)
        return -EPROTO;
    got = frame->size == 0 ? 1 : read_all(fd, data, frame->size);
    return got == 0 ? -EPIPE : got;
}

static int write_all(int fd, const void *from, size_t size)
{
    size_t done = 0;
    while (done < size) {
        ssize_t n = write(fd, (const char *)from + done, size - done);
        int error = n >= 0 || errno == EINTR ? 0 : errno == EAGAIN ? wait_for(fd, POLLOUT) : -errno;
        if (error != 0)
            return error;
        done += n > 0 ? (size_t)n : 0;
    }
    return 0;
}

int frame_write(int fd, uint32_t kind, uint64_t serial, const void *data, size_t size)
{
    struct frame frame = {kind, (uint32_t)size, serial};
    int error = write_all(fd, &frame, sizeof frame);
    return error != 0 ? error : write_all(fd, data, size);
}
