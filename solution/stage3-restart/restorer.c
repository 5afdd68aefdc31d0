/*
 * restorer.c - the second half of a restart: from here on there is no libc.
 *
 *     2. Move   (done: we run in the block, on its stack)
 *     3. Clear  pack the kernel's mappings into the block, unmap everything else
 *     4. Map    the kernel's mappings and all regions, where the image had them
 *     5. State  what the kernel knows of the process: each part's restore()
 *     6. Jump   setcontext(), in the restored program's own libc
 *
 * Each step returns 0 or -errno, and only restorer_run() ends the process.
 */
#include "restorer.h"

#include <linux/rseq.h>
#include <sysexits.h>

/* Nothing can be undone: says which step failed, with what, and ends. */
static void fail(long error, const char *step, const char *what)
{
    say("restart: failed half-way: ", step, what, ": errno ", text_number((uint64_t)-error, 10).digits, NULL);
    sys_exit(EX_OSERR);
}

/* Goes on if there is no error. */
static void must(long error, const char *step)
{
    if (error != 0)
        fail(error, step, "");
}

static void restore_regions(const struct restorer *r)
{
    for (size_t i = 0; i < r->region_count; i++) {
        const struct image_region *region = &r->regions[i];
        const char *doing, *name = r->names + region->name;
        long error = restore_region(r, region, r->loads[i].p_offset, &doing);
        if (error != 0)
            fail(error, doing, *name != '\0' ? name : text_number(region->start, 16).digits);
    }
}

/* Each room's own state. */
static void restore_parts(struct restorer *r)
{
    for (size_t i = 0; i < r->call_count; i++) {
        long error = r->calls[i].restore(r->calls[i].note, r->calls[i].size);
        if (error != 0)
            fail(error, "restore() of the room ", r->calls[i].name);
        times_end(&r->times, r->calls[i].name);
    }
}

/* The kernel would go on writing the cpu number to where our TLS was, or kill us: rseq(2). */
static long unregister_own_rseq(const struct restorer *r)
{
    if (r->own_rseq.address == 0)
        return 0;
    return sys_call(SYS_rseq, (long)r->own_rseq.address, r->own_rseq.size, RSEQ_FLAG_UNREGISTER,
                    ARCH_RSEQ_SIGNATURE);
}

/*
 * Unmaps all of the address space but the block:
 *
 *     0        block                               ARCH_USER_END
 *     |--------[#####]---------------------------------|
 *      unmapped       unmapped: restart's program, its libc, its heap, its stack
 */
static long clear(const struct restorer *r)
{
    //@ step 3.2 Unmap everything but the block.
    //@ munmap(2) takes a range with holes in it: two calls do it, one for what lies below the block and one
    //@ for what lies above, up to ARCH_USER_END. From here on, no function of libc exists.
    //@ stub: return -ENOSYS;
    long error = sys_munmap(0, r->start);
    if (error == 0)
        error = sys_munmap(r->start + r->size, ARCH_USER_END - (r->start + r->size));
    return error;
    //@ end
}

/*
 * Into the second life.  setcontext() is the image's: our own is gone.  It sets the registers, among
 * them rsp and rip, from the ucontext_t in the restored memory; so it "returns" from the getcontext()
 * of the checkpoint.  The block is still mapped: its address goes to libckpt, which unmaps it.
 */
static long jump(const struct restorer *r)
{
    //@ step 3.5 Jump into the restored program.
    //@ Write r->start and r->size into the struct second_life at r->second_life (if that is not 0), and call
    //@ the function at r->setcontext with the pointer r->ucontext. Both addresses come from the image.
    //@ stub: return -ENOSYS;
    int (*set_context)(const ucontext_t *) = (int (*)(const ucontext_t *))r->setcontext; // NOLINT
    if (r->second_life != 0)
        *(struct second_life *)r->second_life = (struct second_life){r->start, r->size}; // NOLINT
    return set_context((const ucontext_t *)r->ucontext); // NOLINT
    //@ end
}

void restorer_run(void *restorer)
{
    struct restorer *r = restorer;
    times_end(&r->times, "regions, and the block");
    must(unregister_own_rseq(r), "unregister rseq");
    must(pack_kernel_regions(r), "move vdso into the block");
    must(clear(r), "unmap restart's own memory");
    must(unpack_kernel_regions(r), "move vdso to its place");
    times_end(&r->times, "clear");
    restore_regions(r);
    times_end(&r->times, "map");
    restore_parts(r);
    times_say(&r->times, "the end", "restart: ", "until the jump into the program");
    sys_close(r->image);
    if (say_to > 2)
        sys_close(say_to);
    if (r->stop)
        sys_call(SYS_kill, sys_getpid(), SIGSTOP, 0, 0);
    must(jump(r), "jump into the program");
    sys_exit(EX_SOFTWARE);
}
