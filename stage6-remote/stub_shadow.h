/* stub_shadow.h - what the shadow's handlers (shadow_calls.c, which stub_gen makes) have in common. */
#ifndef CKPT_STUB_SHADOW_H
#define CKPT_STUB_SHADOW_H

#include "serve.h"
#include "stub_types.h"
#include "syscall_stubs.h"

#include <errno.h>
#include <poll.h>
#include <sys/syscall.h>
#include <unistd.h>

/* The i-th argument is how many elements there are.  More than fit into a frame nobody may ask for. */
static inline size_t take_count(struct request *r, int i, size_t element)
{
    size_t count = (size_t)r->arguments[i];
    if (count <= FRAME_DATA / element)
        return count;
    r->error = -EINVAL;
    return 0;
}

#endif
