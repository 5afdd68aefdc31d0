/* region_print.h - a region as one line of text, the same in readmaps, readckpt and restart -v. */
#ifndef CKPT_REGION_PRINT_H
#define CKPT_REGION_PRINT_H

#include "maps.h"
#include "out.h"

/* "save     132K 555555555000-555555576000 rw-p 00000000 00:00 0 [heap]" and a newline. */
void region_print(struct out *o, const char *plan, const struct region *region);

/* A number of bytes for people: 4096 is "4K", 1536 MiB is "1536M"; never rounded. */
void size_print(struct out *o, uint64_t bytes);

#endif
