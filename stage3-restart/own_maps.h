/* own_maps.h - the address space of restart itself.  Uses libc. */
#ifndef CKPT_OWN_MAPS_H
#define CKPT_OWN_MAPS_H

#include "place.h"
#include "restorer.h"

#define MAX_OWN_REGIONS 512

struct own_maps {
    struct range ranges[MAX_OWN_REGIONS]; /* ascending; without [vsyscall] */
    size_t count;
    struct kernel_move moves[MAX_KERNEL_MOVES]; /* of the kernel's mappings: `from`, `size` and `name` */
    size_t move_count;
};

/* Reads /proc/self/maps.  False if that fails, or if there are more regions than a program like this has. */
bool own_maps_read(struct own_maps *maps);

#endif
