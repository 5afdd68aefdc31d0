/* stub_job.h - what the job's stubs (syscall_stubs.c, which stub_gen makes) have in common. */
#ifndef CKPT_STUB_JOB_H
#define CKPT_STUB_JOB_H

#include "remote_call.h"
#include "remote_table.h"
#include "stub_types.h"
#include "syscall_stubs.h"

/* O_NONBLOCK is the job's wish; fd: the program's number. */
static inline uint32_t no_wait(long fd)
{
    const struct remote_file *file = table_find((int)fd);
    return file != NULL && file->no_wait ? CALL_NO_WAIT : 0;
}

/* The i-th argument is how many elements there are; no more than fit into a frame shall be asked for. */
static inline size_t cut(struct remote_call *call, int i, long count, size_t element)
{
    if (count < 0) {
        call->error = -EINVAL;
        return 0;
    }
    if ((size_t)count > FRAME_DATA / element)
        count = (long)(FRAME_DATA / element);
    call->head.arguments[i] = count;
    return (size_t)count;
}

/* The same where less would be something else. */
static inline size_t whole(struct remote_call *call, int i, long count, size_t element)
{
    if (count > (long)(FRAME_DATA / element))
        call->error = -E2BIG;
    return cut(call, i, count, element);
}

/* Nobody believes a shadow that says it did more than it was asked for.  Asked for nothing, it may say a size. */
static inline long within(long result, size_t count)
{
    return count != 0 && result > (long)count ? -EIO : result;
}

struct pieces {
    long (*make)(const long *arguments, uint32_t flags); /* at most FRAME_DATA bytes of it */
    int buffer, count, offset;                           /* numbers of arguments; offset: -1: there is none */
    bool in;
};

/*
 * A call for any number of bytes, as many calls.  What is written is written to its end, as by a kernel that waits.
 * What is read, is read while the frames are full; behind the first none may wait: there may be no more than this.
 * An error, or a signal, behind the first: then what is done is done, and the program asks again.
 */
static inline long in_pieces(const struct pieces *p, const long *arguments, uint32_t flags)
{
    long a[CALL_ARGUMENTS], done = 0;
    memcpy(a, arguments, sizeof a);
    for (;;) {
        long result = p->make(a, flags);
        if (result <= 0)
            return done > 0 ? done : result;
        done += result;
        a[p->buffer] += result;
        a[p->count] -= result;
        if (p->offset >= 0)
            a[p->offset] = further(a[p->offset], (size_t)result);
        if (a[p->count] == 0 || (!p->in && (size_t)result < FRAME_DATA))
            return done;
        if (!p->in)
            flags |= CALL_NO_WAIT;
    }
}

#endif
