/*
 * gadget.c - two pieces of code that every program with a libc has, so that the last munmap(2), that of the
 * restorer, can be made by the program's own code: a system call and a return; and the call of rt_sigreturn(2),
 * where handlers return to.  arch_sigreturn_*.h has the bytes.  Two frames do it:
 *
 *     rt_sigreturn, frame 1:  code = `syscall; ret`, the call is munmap, its arguments are the restorer, stack = at
 *     munmap; then ret goes to the second piece: rt_sigreturn, frame 2, which lies at `at` in the program's stack:
 *     all registers as they were in the core
 */
#include "gadget.h"
#include "arch_sigreturn.h"

/* The bytes of a region: from the core, or from the file that will be mapped there.  malloc'ed; NULL: none. */
static char *region_bytes(const struct image *image, size_t i)
{
    const struct image_region *r = &image->regions[i];
    size_t size = r->end - r->start;
    bool stored = r->flags & REGION_STORED;
    int fd = stored ? image->fd : open(image->names + r->name, O_RDONLY | O_CLOEXEC);
    char *bytes = calloc(1, size);
    off_t at = (off_t)(stored ? image->loads[i].p_offset : r->offset);
    ssize_t n = fd >= 0 && bytes != NULL ? pread(fd, bytes, size, at) : -1;
    if (!stored && fd >= 0)
        close(fd);
    if (n > 0)
        return bytes;
    free(bytes);
    return NULL;
}

static uint64_t find_in(const struct image_region *r, const char *bytes, struct arch_code pattern)
{
    const char *at = memmem(bytes, r->end - r->start, pattern.bytes, pattern.size);
    return at != NULL ? r->start + (uint64_t)(at - bytes) : 0;
}

static void find_in_region(struct gadgets *found, const struct image *image, size_t i)
{
    const struct image_region *r = &image->regions[i];
    char *bytes = region_bytes(image, i);
    if (bytes != NULL && found->call == 0)
        found->call = find_in(r, bytes, arch_call_and_return);
    for (size_t j = 0; j < 2 && bytes != NULL && found->sigreturn == 0; j++)
        found->sigreturn = find_in(r, bytes, arch_returns[j]);
    free(bytes);
}

/* What cannot be written is looked at first: it is small.  The heap of a Lisp is code, too, and of GiBs. */
struct gadgets gadgets_find(const struct image *image)
{
    struct gadgets found = {0};
    for (int pass = 0; pass < 2; pass++)
        for (size_t i = 0; i < image->region_count && (found.call == 0 || found.sigreturn == 0); i++) {
            const struct image_region *r = &image->regions[i];
            bool writable = r->prot & PROT_WRITE;
            bool may_be = ARCH_RETURN_IN_VDSO || !(r->flags & REGION_KERNEL);
            if ((r->prot & PROT_EXEC) && may_be && writable == (pass == 1))
                find_in_region(&found, image, i);
        }
    return found;
}

bool gadgets_chain(struct sigframe *frame, const struct gadgets *gadgets)
{
    if (gadgets->call == 0 || gadgets->sigreturn == 0)
        return false;
    frame->chain = (ucontext_t){.uc_stack.ss_flags = SS_DISABLE};
    memset(&frame->chain.uc_sigmask, 0xff, 8); /* no signal between the two */
    arch_chain(&frame->chain, frame->bytes, frame->at, gadgets->call, gadgets->sigreturn);
    frame->chained = true; /* the restorer's place comes when that is known */
    return true;
}
