/*
 * restorer_kernel.c - moves [vvar], [vvar_vclock] and [vdso] from restart's places to the image's.
 *
 * The vdso is code of the kernel in each process: clock_gettime() reads the clock there without a system
 * call, from the data in [vvar] beside it.  The restored libc remembers where it was.  A program cannot
 * write these mappings, but mremap(2) moves them, one at a time.  Old and new places may overlap, so
 * they go through the block:
 *
 *     restart's   ....[vvar][vdso].........................   pack
 *     the block       |code|notes|stack|[vvar][vdso]|         ... everything else is unmapped ...
 *     the image's ..........................[vvar][vdso]...   unpack
 *
 * No libc.
 */
#include "restorer.h"

static long move(uint64_t from, uint64_t to, uint64_t size)
{
    /* TODO 3.7: Move one of the kernel's mappings (there are clocks behind it!).
     * mremap(2) with MREMAP_MAYMOVE | MREMAP_FIXED, by arch_syscall(SYS_mremap, ...). Its answer is an address.
     * While this does nothing, clock_gettime() and time() jump into nowhere in the restored program.
     */
    return 0;
}

long pack_kernel_regions(const struct restorer *r)
{
    long error = 0;
    for (const struct kernel_move *m = r->moves; m < r->moves + r->move_count && error == 0; m++)
        error = move(m->from, m->packed, m->size);
    return error;
}

long unpack_kernel_regions(const struct restorer *r)
{
    long error = 0;
    for (const struct kernel_move *m = r->moves; m < r->moves + r->move_count && error == 0; m++)
        error = m->to == 0 ? 0 : move(m->packed, m->to, m->size); /* the image has none: it is dropped */
    return error;
}
