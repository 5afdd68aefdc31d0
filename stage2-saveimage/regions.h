/* regions.h - the regions of this process, as the image describes them.  Async-signal-safe. */
#ifndef CKPT_REGIONS_H
#define CKPT_REGIONS_H

#include "arena.h"

/*
 * Fills arena->table from /proc/self/maps, without the arena itself and [vsyscall].  `full`: store the pages
 * of unchanged files too.  Returns 0; -EPERM if a region is shared with others and writable, after a message
 * that names it; -E2BIG if there are more regions or names than the table holds; or another -errno.
 */
int regions_read(struct arena *arena, bool full);

#endif
