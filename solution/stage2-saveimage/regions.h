/* regions.h - the regions of this process, as the image describes them.  Async-signal-safe. */
#ifndef CKPT_REGIONS_H
#define CKPT_REGIONS_H

#include "arena.h"
#include "image.h"
#include "maps.h"

/* The regions and their names, in the arena's memory. */
struct region_table {
    struct image_region *regions;
    size_t count, max;
    char *names;
    size_t names_size, names_max;
    bool full; /* CKPT_FULL: store the pages of unchanged files too */
};

/*
 * Fills the table from /proc/self/maps, without the arena itself and [vsyscall].  Returns 0; -EPERM if
 * a region is shared with others and writable, after a message that names it; -E2BIG if there are more
 * regions than the table holds; or another -errno.
 */
int regions_read(struct region_table *table, struct arena *arena);

#endif
