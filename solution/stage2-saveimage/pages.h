/* pages.h - which pages of this process have content of their own, and how they reach the image. */
#ifndef CKPT_PAGES_H
#define CKPT_PAGES_H

#include "image.h"

#include <stdbool.h>
#include <stdint.h>

/* Opens /proc/self/pagemap; -1 if it cannot be read, and then every page counts as written. */
int pages_open(void);

/*
 * True if any page of the region differs from a fresh mapping: it was written to.  `pagemap` comes from
 * pages_open().  Async-signal-safe.
 */
bool pages_have_own(int pagemap, const struct image_region *region);

/*
 * Writes the region's bytes to fd at `offset`; untouched pages of anonymous memory are left out and
 * become a hole there.  Returns 0 or -errno.  Async-signal-safe.
 */
int pages_write(int fd, int pagemap, const struct image_region *region, uint64_t offset);

#endif
