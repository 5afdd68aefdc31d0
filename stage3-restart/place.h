/* place.h - finds room that is free in two address spaces: the one that goes and the one that comes. */
#ifndef CKPT_PLACE_H
#define CKPT_PLACE_H

#include "image.h"

#include <stddef.h>
#include <stdint.h>

/* Addresses start <= a < end. */
struct range {
    uint64_t start, end;
};

/*
 * The lowest address from PLACE_LOWEST on where `size` bytes overlap no range of `own` and none of
 * `coming`; 0 if there is none.  Both arrays are in ascending order and without overlap.  Pure.
 */
uint64_t place_find(const struct range *own, size_t own_count, const struct image_region *coming,
                    size_t coming_count, uint64_t size);

#define PLACE_LOWEST 0x1000000UL /* 16 MiB: above vm.mmap_min_addr everywhere */

#endif
