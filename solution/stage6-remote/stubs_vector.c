/*
 * stubs_vector.c - readv(2), writev(2) and their relatives, by hand: bytes in many pieces of memory.  At home there
 * is one call for each frame, read, write, pread or pwrite; so what a program writes as one comes as one, if a
 * frame holds it.
 *
 * A file gives and takes all that is asked, a pipe or a terminal what it has; a write that may wait takes all.
 */
#include "remote_table.h"
#include "syscall_stubs.h"

#define MAX_VECTOR 1024 /* IOV_MAX */

/* Bytes between the program's memory and a file at home. */
struct transfer {
    uint32_t call;   /* CALL_read, ... */
    bool writes;
    bool positioned; /* at `offset`, not where the file stands */
    const struct remote_file *file;
    const struct iovec *vector;
    size_t count;
    long offset;
};

/* The pieces behind the first `done` bytes, as many as fit.  Returns how many bytes that are. */
static long add_pieces(const struct transfer *t, struct remote_call *call, size_t done)
{
    size_t size = 0;
    for (size_t i = 0, pieces = 0; i < t->count && size < FRAME_DATA && pieces < CALL_PIECES; i++) {
        size_t skip = done < t->vector[i].iov_len ? done : t->vector[i].iov_len;
        size_t length = t->vector[i].iov_len - skip;
        char *at = (char *)t->vector[i].iov_base + skip;
        done -= skip;
        if (length > FRAME_DATA - size)
            length = FRAME_DATA - size;
        if (length > 0 && t->writes)
            call_in_piece(call, 1, at, length);
        else if (length > 0)
            call_out_piece(call, at, length);
        pieces += length > 0;
        size += length;
    }
    return (long)size;
}

/* One frame's worth.  *size: how much that could have been. */
static long transfer_some(const struct transfer *t, size_t done, long *size)
{
    struct remote_call call;
    long arguments[CALL_ARGUMENTS] = {t->file->real, 1, 0, t->positioned ? further(t->offset, done) : 0};
    call_begin(&call, t->call, arguments);
    call.head.arguments[2] = *size = add_pieces(t, &call, done);
    if (t->file->no_wait || (done > 0 && !t->writes)) /* what has been read must not wait for more */
        call.head.flags = CALL_NO_WAIT;
    long n = REMOTE_syscall(&call);
    return n > *size ? -EIO : n;
}

static long transfer(const struct transfer *t)
{
    size_t total = 0, done = 0;
    long n, size;
    for (size_t i = 0; i < t->count; i++)
        total += t->vector[i].iov_len;
    do {
        n = transfer_some(t, done, &size);
        done += n > 0 ? (size_t)n : 0;
    } while (n > 0 && n == size && done < total);
    return done > 0 ? (long)done : n;
}

static long vector(struct trap *trap, struct transfer t)
{
    t.file = table_find((int)trap->arguments[0]);
    if (t.file == NULL)
        return remote_call_owns((int)trap->arguments[0]) ? -EBADF : CALL_LOCAL;
    t.vector = (const struct iovec *)trap->arguments[1]; // NOLINT
    t.count = (size_t)trap->arguments[2];
    t.offset = trap->arguments[3];
    if (t.count > MAX_VECTOR)
        return -EINVAL;
    return t.count > 0 && !readable(t.vector) ? -EFAULT : transfer(&t);
}

long stub_readv(struct trap *trap)
{
    return vector(trap, (struct transfer){.call = CALL_read});
}

long stub_writev(struct trap *trap)
{
    return vector(trap, (struct transfer){.call = CALL_write, .writes = true});
}

long stub_preadv(struct trap *trap)
{
    return vector(trap, (struct transfer){.call = CALL_pread64, .positioned = true});
}

long stub_pwritev(struct trap *trap)
{
    return vector(trap, (struct transfer){.call = CALL_pwrite64, .writes = true, .positioned = true});
}

/* With flags (the sixth argument), and where the file stands for offset -1. */
static long vector2(struct trap *trap, bool writes)
{
    if (trap->arguments[5] != 0 && table_find((int)trap->arguments[0]) != NULL)
        return -EOPNOTSUPP;
    if (trap->arguments[3] == -1)
        return writes ? stub_writev(trap) : stub_readv(trap);
    return writes ? stub_pwritev(trap) : stub_preadv(trap);
}

long stub_preadv2(struct trap *trap)
{
    return vector2(trap, false);
}

long stub_pwritev2(struct trap *trap)
{
    return vector2(trap, true);
}
