/*
 * restorer.c - the second half of a restart: from here on there is no libc.
 *
 *     2. Move   (done: we run in the block, on its stack)
 *     3. Clear  pack the kernel's mappings into the block, unmap everything else
 *     4. Map    the kernel's mappings and all regions, where the image had them
 *     5. State  what the kernel knows of the process: each part's restore()
 *     6. Jump   setcontext(), in the restored program's own libc
 *
 * Each function returns 0 or -errno, and only restorer_run() ends the process.
 */
#include "restorer.h"
#include "sys.h"

#include <linux/rseq.h>
#include <signal.h>
#include <sysexits.h>

__attribute__((noreturn)) static void die(const char *step, long error)
{
    struct out o;
    out_init(&o, 2);
    out_printf(&o, "restart: failed when nothing could be undone: %s: %s (%ld)\n", step, out_error_text(-error), -error);
    out_flush(&o);
    sys_exit(EX_OSERR);
}

/* The kernel would go on writing the cpu number to where our TLS was, or kill us: rseq(2). */
static long unregister_own_rseq(const struct restorer *r)
{
    if (r->own_rseq.address == 0)
        return 0;
    return sys_call(SYS_rseq, (long)r->own_rseq.address, r->own_rseq.size, RSEQ_FLAG_UNREGISTER, ARCH_RSEQ_SIGNATURE);
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
    //@ stub: (void)r;
    //@ stub: return -ENOSYS;
    long error = sys_munmap(0, r->start);
    if (error == 0)
        error = sys_munmap(r->start + r->size, ARCH_USER_END - (r->start + r->size));
    return error;
    //@ end
}

static long map_all(const struct restorer *r)
{
    for (size_t i = 0; i < r->region_count; i++) {
        long error = restore_region(r, i);
        if (error != 0)
            return error;
    }
    return 0;
}

static long restore_parts(const struct restorer *r)
{
    for (size_t i = 0; i < r->call_count; i++) {
        long error = r->calls[i].restore(&r->request, r->calls[i].note, r->calls[i].size);
        if (error != 0)
            return error;
    }
    return 0;
}

/*
 * Into the second life.  setcontext() is the image's: our own is gone.  It sets the registers, among
 * them rsp and rip, from the ucontext_t in the restored memory; so it "returns" from the getcontext()
 * of the checkpoint.  The block is still mapped: its address goes to libckpt, which unmaps it.
 */
__attribute__((noreturn)) static void jump(const struct restorer *r)
{
    //@ step 3.5 Jump into the restored program.
    //@ Write r->start and r->size into the struct second_life at r->second_life (if that is not 0), and call
    //@ the function at r->setcontext with the pointer r->ucontext. Both addresses come from the image.
    //@ stub: (void)r;
    int (*set_context)(const ucontext_t *) = (int (*)(const ucontext_t *))r->setcontext; // NOLINT
    if (r->second_life != 0)
        *(struct second_life *)r->second_life = (struct second_life){r->start, r->size}; // NOLINT
    set_context((const ucontext_t *)r->ucontext); // NOLINT
    //@ end
    die("setcontext returned", 0);
}

void restorer_run(void *argument)
{
    const struct restorer *r = argument;
    long error = unregister_own_rseq(r);
    if (error != 0)
        die("unregister rseq", error);
    error = pack_kernel_regions(r);
    if (error != 0)
        die("move vdso out of the way", error);
    error = clear(r);
    if (error != 0)
        die("unmap restart's own memory", error);
    error = unpack_kernel_regions(r);
    if (error != 0)
        die("move vdso to its place", error);
    error = map_all(r);
    if (error != 0)
        die("map the regions", error);
    error = restore_parts(r);
    if (error != 0)
        die("restore the kernel's state", error);
    sys_close(r->image);
    if (r->stop)
        sys_call(SYS_kill, sys_getpid(), SIGSTOP, 0, 0);
    jump(r);
}
