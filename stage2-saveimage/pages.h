/* pages.h - which pages of this process have content of their own, and how they reach the image. */
#ifndef CKPT_PAGES_H
#define CKPT_PAGES_H

#include "image.h"

#include <stdbool.h>
#include <stdint.h>

/* What the kernel tells about pages, some of it read ahead.  The other fields are pages.c's own. */
struct pagemap {
    int fd; /* the caller closes it */
    uint64_t start, end; /* entries[] are those of the pages from start to end */
    uint64_t entries[256];
};

/*
 * Opens /proc/self/pagemap; if it cannot be read, every page counts as written.  All functions here are
 * async-signal-safe.  2 KiB are too much for a signal handler's stack: keep the struct elsewhere.
 */
void pages_open(struct pagemap *map);

/* True if any page of the region differs from a fresh mapping: it was written to. */
bool pages_have_own(struct pagemap *map, const struct image_region *region);

/*
 * Writes the region's bytes to fd at `offset`; untouched pages of anonymous memory are left out and
 * become a hole there.  Returns 0 or -errno.
 */
int pages_write(int fd, struct pagemap *map, const struct image_region *region, uint64_t offset);

#endif
