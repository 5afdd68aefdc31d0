/* region_print.h - a region as one line of text, the same in readmaps and readckpt. */
#ifndef CKPT_REGION_PRINT_H
#define CKPT_REGION_PRINT_H

#include "maps.h"

/* Prints "save     132K 555555555000-555555576000 rw-p 00000000 00:00 0 [heap]" to stdout. */
void region_print(const char *plan, const struct region *region);

#endif
