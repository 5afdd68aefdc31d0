/* region_cut.h - a stored region with long holes becomes several regions.  Async-signal-safe.  Given. */
#ifndef CKPT_REGION_CUT_H
#define CKPT_REGION_CUT_H

#include "arena.h"

/* A hole of so many bytes is worth a cut. */
#define LONG_HOLE (1UL << 30)

/* Cuts the last region of the table where it has long holes.  Returns 0, or -E2BIG if the table is full. */
int region_cut(struct region_table *table, struct pagemap *map);

#endif
