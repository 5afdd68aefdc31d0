/* image_stream.c - an image travels in records of (offset, bytes), without its holes. */
#include "image_stream.h"
#include "libc.h"

#include <poll.h>

bool image_write_at(int fd, const char *bytes, size_t size, uint64_t offset)
{
    ssize_t n = 1;
    for (; size > 0 && n > 0; size -= (size_t)n, bytes += n, offset += (uint64_t)n)
        do
            n = pwrite(fd, bytes, size, (off_t)offset);
        while (n < 0 && errno == EINTR);
    return size == 0;
}

/* What becomes of `size` bytes at `at`.  0 or -errno. */
typedef int range_user(int fd, uint64_t at, size_t size, void *context);

static int each_piece(int fd, uint64_t at, uint64_t end, range_user *use, void *context)
{
    int error = 0;
    for (uint64_t size; at < end && error == 0; at += size) {
        size = end - at < FRAME_DATA ? end - at : FRAME_DATA;
        error = use(fd, at, size, context);
    }
    return error;
}

/* The data from `at` to `end`, without holes.  A file system without SEEK_DATA says that all is data (lseek(2)). */
static int each_range(int fd, uint64_t at, uint64_t end, range_user *use, void *context)
{
    int error = 0;
    off_t hole = (off_t)at, data;
    while (error == 0 && (uint64_t)hole < end && (data = lseek(fd, hole, SEEK_DATA)) >= 0) { /* ENXIO: no more */
        hole = lseek(fd, data, SEEK_HOLE);
        if (hole >= 0)
            error = each_piece(fd, (uint64_t)data, (uint64_t)hole < end ? (uint64_t)hole : end, use, context);
        else
            error = -errno;
    }
    return error;
}

static char piece[FRAME_DATA];

/* Both must be ready: which of them was not, splice(2) does not say. */
static int wait_both(int to, int fd)
{
    int error = frame_wait(fd, POLLIN, LOST_SECONDS * 1000);
    return error != 0 ? error : frame_wait(to, POLLOUT, LOST_SECONDS * 1000);
}

static long copy_some(int to, int fd, off_t *at, size_t size)
{
    ssize_t n = at == NULL ? read(fd, piece, size) : pread(fd, piece, size, *at);
    int error = n > 0 ? frame_more(to, piece, (size_t)n) : 0;
    if (at != NULL && n > 0)
        *at += n;
    return error != 0 ? error : n < 0 ? -errno : n;
}

long image_move(int to, int fd, off_t *at, size_t size)
{
    static bool cannot_splice;
    size_t done = 0;
    while (done < size) {
        long n = cannot_splice ? -EINVAL : splice(fd, at, to, NULL, size - done, SPLICE_F_MOVE);
        n = n == -1 ? -errno : n;
        if (n == -EAGAIN)
            n = wait_both(to, fd) == 0 ? -EINTR : -ETIMEDOUT;
        else if (n == -EINVAL) { /* no pipe at either end, or a kernel that will not */
            cannot_splice = true;
            n = copy_some(to, fd, at, size - done);
        }
        if (n == 0)
            break;
        if (n < 0 && n != -EINTR)
            return n;
        done += n > 0 ? (size_t)n : 0;
    }
    return (long)done;
}

static int send_piece(int fd, uint64_t at, size_t size, void *context)
{
    int to = *(int *)context, error = frame_begin_image(to, at, size);
    off_t from = (off_t)at;
    long moved = error == 0 ? image_move(to, fd, &from, size) : error;
    return moved < 0 ? (int)moved : moved < (long)size ? -EIO : 0;
}

int image_send_part(int to, int fd, uint64_t from, uint64_t end)
{
    return each_range(fd, from, end, send_piece, &to);
}

int image_send(int to, int fd)
{
    struct stat st;
    int error = fstat(fd, &st) != 0 ? -errno : image_send_part(to, fd, 0, (uint64_t)st.st_size);
    uint64_t size = (uint64_t)st.st_size;
    return error != 0 ? error : frame_write(to, FRAME_START, 0, &size, sizeof size);
}

static int copy_piece(int fd, uint64_t at, size_t size, void *to)
{
    ssize_t n;
    do
        n = pread(fd, piece, size, (off_t)at);
    while (n < 0 && errno == EINTR);
    if (n != (ssize_t)size)
        return n < 0 ? -errno : -EIO;
    return image_write_at(*(int *)to, piece, size, at) ? 0 : errno != 0 ? -errno : -EIO;
}

int image_copy(int to, int fd)
{
    struct stat st;
    bool sized = fstat(fd, &st) == 0 && ftruncate(to, st.st_size) == 0;
    return sized ? each_range(fd, 0, (uint64_t)st.st_size, copy_piece, &to) : -errno;
}
