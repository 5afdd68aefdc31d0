/* serve.c - what handlers take from a request.  It comes from a machine that may lie: nothing is believed. */
#include "serve.h"
#include "libc.h"
#include "serve_paths.h"
#include "shadow.h"

#define ROOM (FRAME_MAX - sizeof(int64_t)) /* so that all of it fits into the answer */

static void fail(struct request *r, long error)
{
    if (r->error == 0)
        r->error = error;
}

void *request_memory(struct request *r, size_t size)
{
    size_t start = (r->room_used + 15) & ~(size_t)15;
    if (size > ROOM || start > ROOM - size) {
        fail(r, -EINVAL);
        return NULL;
    }
    r->room_used = start + size;
    return memset(r->room + start, 0, size);
}

int take_fd(struct request *r, int i)
{
    long fd = r->arguments[i];
    if (fd >= 0 && fd <= INT_MAX && job_has((int)fd))
        return (int)fd;
    fail(r, -EBADF);
    return -1;
}

int take_fd_to_change(struct request *r, int i)
{
    int fd = take_fd(r, i);
    if (r->error == 0 && !job_may_change(fd))
        fail(r, -EACCES);
    return fd;
}

int take_directory(struct request *r, int i)
{
    return (int)r->arguments[i] == AT_FDCWD ? AT_FDCWD : take_fd(r, i);
}

const char *take_text(struct request *r, int i)
{
    size_t size = r->head->in_size[i], length;
    if (r->in[i] == NULL)
        return NULL;
    length = strnlen(r->in[i], size);
    if (length >= PATH_MAX)
        fail(r, -ENAMETOOLONG);
    else if (length + 1 < size)
        fail(r, -EINVAL); /* bytes behind its end */
    if (r->error != 0)
        return NULL;
    char *text = request_memory(r, length + 1);
    return text != NULL ? memcpy(text, r->in[i], length) : NULL;
}

void *take_in(struct request *r, int i, size_t size)
{
    if (r->in[i] == NULL)
        return NULL;
    if (r->head->in_size[i] != size) {
        fail(r, -EINVAL);
        return NULL;
    }
    if ((uintptr_t)r->in[i] % 16 == 0)
        return r->in[i];
    void *aligned = request_memory(r, size);
    return aligned != NULL ? memcpy(aligned, r->in[i], size) : NULL;
}

void *take_out(struct request *r, int i, size_t size)
{
    if (r->arguments[i] == 0)
        return NULL;
    if (size > FRAME_DATA || r->out_count == REQUEST_PIECES) {
        fail(r, -EINVAL);
        return NULL;
    }
    void *memory = request_memory(r, size);
    r->out[r->out_count++] = (struct iovec){memory, memory != NULL ? size : 0};
    return memory;
}

void *take_inout(struct request *r, int i, size_t size)
{
    void *in = take_in(r, i, size);
    void *memory = in != NULL ? take_out(r, i, size) : NULL;
    return memory != NULL ? memcpy(memory, in, size) : NULL;
}

void give_back(struct request *r, int k, size_t size)
{
    if (k >= 0 && k < r->out_count && size < r->out[k].iov_len)
        r->out[k].iov_len = size;
}

long request_wait(struct request *r, int fd, short events)
{
    struct pollfd one = {.fd = fd, .events = events};
    if (poll(&one, 1, 0) != 0) /* ready, or an error, which the call itself finds */
        return 0;
    if (r->head->flags & CALL_NO_WAIT)
        return -EAGAIN;
    r->waited = true;
    while (shadow_is_wanted())
        if (shadow_turn(&one, 1, -1) > 0)
            return 0;
    return REQUEST_ABANDONED;
}

size_t request_room(int fd, size_t count)
{
    struct stat st;
    bool never_blocks = fstat(fd, &st) == 0 && (S_ISREG(st.st_mode) || S_ISBLK(st.st_mode));
    return never_blocks || count < PIPE_BUF ? count : PIPE_BUF;
}

long request_result(long result)
{
    return result == -1 ? -errno : result;
}
