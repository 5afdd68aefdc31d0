/* pages.h - which pages of a region are worth storing, and how they reach the image.  Async-signal-safe. */
#ifndef CKPT_PAGES_H
#define CKPT_PAGES_H

#include "image.h"
#include "page_runs.h"

/* True if any page of the region differs from a fresh mapping: it was written to. */
bool pages_have_own(struct pagemap *map, const struct image_region *region);

/* In place of a descriptor: the image goes to another machine (library.h), and has no file. */
#define IMAGE_ELSEWHERE (-2)

/* Writes a run of pages to fd at `offset`.  Returns 0 or -errno. */
int pages_write_run(int fd, const struct page_run *run, uint64_t offset);

/*
 * Writes the region's bytes to fd at `offset`; untouched pages of anonymous memory are left out and
 * become a hole there.  Returns 0 or -errno.
 */
int pages_write(int fd, struct pagemap *map, const struct image_region *region, uint64_t offset);

#endif
