/*
 * lazy_pages.h - a checkpoint in a life that began with `restart --lazy`: memory that is mapped from an image.
 *
 * The next image must not need the old one, which it may replace in a moment, or which may be removed.  So this
 * memory is stored whole, and is no file's when it comes back.  Async-signal-safe.
 */
#ifndef CKPT_LAZY_PAGES_H
#define CKPT_LAZY_PAGES_H

#include "pages.h"

/* Is this file an image, or another core file; or one that a restart could not open, either? */
bool lazy_is_image(const char *name);

/*
 * As pages_write(), for a region that is mapped from the image `name`: what is a hole there, and was not written
 * since, stays a hole.
 */
int lazy_write(int fd, struct pagemap *map, const struct image_region *region, const char *name, uint64_t offset);

#endif
