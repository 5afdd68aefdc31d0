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
    int pagemap; /* /proc/self/pagemap, or -1 if it cannot be read: then every page counts as written */
};

/* A region that cannot be saved, for the message. */
struct region_refusal {
    uint64_t start, end;
    const char *name;
};

/*
 * Fills the table from /proc/self/maps, without the arena itself and [vsyscall].
 * Returns 0; -EPERM with *refusal filled if a region is shared with others and writable; -E2BIG if
 * there are more regions than an image can hold; or another -errno.
 */
int regions_read(struct region_table *table, const struct arena *arena, struct region_refusal *refusal);

/* The kernel's view of the i-th entry, for printing. */
struct region region_view(const struct image_region *region, const char *names);

#endif
