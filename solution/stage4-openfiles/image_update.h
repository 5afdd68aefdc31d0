/*
 * image_update.h - a file that has some of the image already is brought up to date in place.  For ckpt
 * --live=track, whose child has copied most of it, and ckpt --incremental, which has an older image.  live->places
 * tells what may be there, live->offsets where each region belongs.  Async-signal-safe.  Given.
 */
#ifndef CKPT_IMAGE_UPDATE_H
#define CKPT_IMAGE_UPDATE_H

#include "live.h"

/* Makes a hole of these bytes of the file, if they are none.  0 or -errno. */
int update_punch(int fd, uint64_t offset, uint64_t size);

/*
 * Before a run is written: some of what looks swapped out are guards, which nobody can read, so nothing may be left
 * there in the file.  0 or -errno.
 */
int update_guards(const struct live *live, const struct page_run *run, uint64_t offset);

/* Writes a run of pages to live->image, and counts them in live->last_pages.  0 or -errno. */
int update_run(struct arena *arena, const struct page_run *run, uint64_t offset);

/*
 * All regions.  Those in places: write_run() gets each run of pages that has content, and writes what the file
 * does not have; what is none becomes a hole.  The others are written as they are.  What no region shows any more
 * must not stay in the file, either: it was the program's, and it takes space.  image_head() has been called.
 * Returns 0 or -errno.
 */
int update_regions(struct arena *arena, int (*write_run)(struct arena *, const struct page_run *, uint64_t offset));

/* The size of the file: up to the last byte that a region has in it. */
uint64_t update_file_size(const struct arena *arena);

#endif
