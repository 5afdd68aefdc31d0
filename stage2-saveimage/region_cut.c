/*
 * region_cut.c - cuts a region where it has a long hole:
 *
 *     memory    |wwww.w..........................www.ww....|   one region, of terabytes
 *     table     |stored|       not stored        |stored   |   three
 *     file      |wwww.w|www.ww....|                            holes that are short stay holes in the file
 *
 * A stored region takes as many bytes of the file's length as it has in memory, and a file has a largest length:
 * 16 TiB on ext4.  AddressSanitizer's shadow alone has 14.  Restart maps the pieces side by side, and the kernel
 * makes one region of them again.  gdb cannot read what is not stored: it says so, where it would have shown zeros.
 */
#include "region_cut.h"

/* The last region ends at `at`; behind it there is a new one, with other flags, up to where it ended. */
static int cut(struct region_table *t, uint64_t at, uint32_t flags)
{
    struct image_region *last = &t->regions[t->count - 1];
    if (last->start == at) {
        last->flags = flags;
        return 0;
    }
    if (t->count == IMAGE_MAX_REGIONS)
        return -E2BIG;
    last[1] = *last;
    last[1].start = last->end = at;
    last[1].flags = flags;
    t->count++;
    return 0;
}

/* Private memory without a file; and no stack, which would grow into the piece below it. */
static bool may_be_cut(const struct image_region *r)
{
    return r->flags == REGION_STORED && r->inode == 0 && r->end - r->start >= LONG_HOLE;
}

int region_cut(struct region_table *t, struct pagemap *map)
{
    const struct image_region region = t->regions[t->count - 1]; /* as it is still whole */
    struct page_run run;
    int error = 0;
    for (uint64_t at = region.start; may_be_cut(&region) && at < region.end && error == 0; at = run.end) {
        if (!page_runs_next(map, at, region.end, &run))
            run.start = run.end = region.end;
        if (run.start - at < LONG_HOLE)
            continue;
        error = cut(t, at, region.flags & ~(uint32_t)REGION_STORED);
        if (error == 0 && run.start < region.end)
            error = cut(t, run.start, region.flags);
    }
    return error;
}
