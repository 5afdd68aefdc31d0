/* frame.c - frames on a stream of bytes: all of one or nothing, and nothing that is none. */
#include "frame.h"

#include <errno.h>
#include <poll.h>
#include <stdbool.h>
#include <sys/uio.h>
#include <unistd.h>

/* Of each kind: how many bytes follow, and whether it belongs to a call. */
static const struct {
    uint32_t least, most;
    bool of_call;
} kinds[FRAME_END - FRAME_HELLO] = {
    [FRAME_HELLO - FRAME_HELLO] = {sizeof(struct hello), sizeof(struct hello), false},
    [FRAME_IMAGE - FRAME_HELLO] = {sizeof(uint64_t), sizeof(uint64_t) + FRAME_DATA, false},
    [FRAME_START - FRAME_HELLO] = {sizeof(uint64_t), sizeof(uint64_t), false},
    [FRAME_CALL - FRAME_HELLO] = {sizeof(struct call_head), FRAME_MAX, true},
    [FRAME_RESULT - FRAME_HELLO] = {sizeof(int64_t), FRAME_MAX, true},
    [FRAME_NOT_DONE - FRAME_HELLO] = {0, 0, true},
    [FRAME_ABANDON - FRAME_HELLO] = {0, 0, true},
    [FRAME_SIGNAL - FRAME_HELLO] = {sizeof(int32_t), sizeof(int32_t), false},
    [FRAME_STOPPED - FRAME_HELLO] = {sizeof(int32_t), sizeof(int32_t), false},
    [FRAME_ENDED - FRAME_HELLO] = {sizeof(int32_t), sizeof(int32_t), false},
    [FRAME_MESSAGE - FRAME_HELLO] = {0, FRAME_MAX, false},
};

const char *frame_problem(const struct frame *frame)
{
    if (frame->kind >> 16 != FRAME_MAGIC)
        return "it does not begin as a frame does";
    if (frame->kind >= FRAME_END)
        return "there is no such kind of frame";
    unsigned kind = frame->kind - FRAME_HELLO;
    if (frame->size < kinds[kind].least || frame->size > kinds[kind].most)
        return "a frame of this kind has not this size";
    if ((frame->serial != 0) != kinds[kind].of_call)
        return "the number of the call is wrong";
    return NULL;
}

int frame_wait(int fd, short events, int milliseconds)
{
    struct pollfd one = {.fd = fd, .events = events};
    int ready;
    do
        ready = poll(&one, 1, milliseconds);
    while (ready < 0 && errno == EINTR);
    return ready > 0 ? 0 : ready == 0 ? -ETIMEDOUT : -errno;
}

/*
 * Reads size bytes: a stream brings them in any number of pieces.  Returns how many there were before the end, or
 * -errno.  The first one of a frame may take as long as it likes, the others not.
 */
static long read_all(int fd, char *to, size_t size, bool first)
{
    size_t done = 0;
    while (done < size) {
        int error = frame_wait(fd, POLLIN, first && done == 0 ? -1 : LOST_SECONDS * 1000);
        if (error != 0)
            return error;
        ssize_t n = read(fd, to + done, size - done);
        if (n == 0)
            return (long)done;
        if (n < 0 && errno != EINTR && errno != EAGAIN)
            return -errno;
        done += n > 0 ? (size_t)n : 0;
    }
    return (long)done;
}

int frame_read(int fd, struct frame *frame, void *data)
{
    /* TODO 6.2: Read one frame.
     * First its head, then frame->size bytes to `data`: read_all() brings them, in as many pieces as the stream
     * likes, and says how many there were. Nothing at all before the head is the end of the stream: return 0.
     * Fewer bytes than there should be, in the head or behind it: -EPIPE. A head that frame_problem() does not
     * like: -EPROTO, before its size is believed: `data` has room for FRAME_MAX bytes, and whoever sends may be
     * lying. Return 1 if all is well. */
    (void)read_all;
    return -ENOSYS;
}

/* The pieces without their first `size` bytes. */
static void skip(struct iovec *piece, size_t size)
{
    for (int i = 0; i < 2; i++) {
        size_t part = size < piece[i].iov_len ? size : piece[i].iov_len;
        piece[i].iov_base = (char *)piece[i].iov_base + part;
        piece[i].iov_len -= part;
        size -= part;
    }
}

/* Writes both, in one system call, as a rule: the reader wakes up once. */
static int write_pieces(int fd, struct iovec *piece)
{
    while (piece[0].iov_len + piece[1].iov_len > 0) {
        ssize_t n = writev(fd, piece, 2);
        int error = n < 0 && errno == EAGAIN ? frame_wait(fd, POLLOUT, LOST_SECONDS * 1000) : 0;
        if (error != 0)
            return error;
        if (n < 0 && errno != EINTR && errno != EAGAIN)
            return -errno;
        skip(piece, n > 0 ? (size_t)n : 0);
    }
    return 0;
}

int frame_write(int fd, uint32_t kind, uint64_t serial, const void *data, size_t size)
{
    struct frame frame = {.kind = kind, .size = (uint32_t)size, .serial = serial};
    struct iovec piece[2] = {{&frame, sizeof frame}, {(void *)data, size}};
    return size > FRAME_MAX ? -EMSGSIZE : write_pieces(fd, piece);
}

int frame_begin_image(int fd, uint64_t offset, size_t size)
{
    struct frame frame = {.kind = FRAME_IMAGE, .size = (uint32_t)(sizeof offset + size)};
    struct iovec piece[2] = {{&frame, sizeof frame}, {&offset, sizeof offset}};
    return size > FRAME_DATA ? -EMSGSIZE : write_pieces(fd, piece);
}

int frame_more(int fd, const void *bytes, size_t size)
{
    struct iovec piece[2] = {{(void *)bytes, size}, {NULL, 0}};
    return write_pieces(fd, piece);
}
