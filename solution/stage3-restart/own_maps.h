/* own_maps.h - the address space of restart itself.  Uses libc. */
#ifndef CKPT_OWN_MAPS_H
#define CKPT_OWN_MAPS_H

#include "place.h"

#include <stdbool.h>
#include <stddef.h>

#define MAX_OWN_REGIONS 512
#define MAX_KERNEL_REGIONS 8

struct kernel_region {
    struct range range;
    char name[32]; /* "[vdso]", "[vvar]", "[vvar_vclock]", ... */
};

struct own_maps {
    struct range ranges[MAX_OWN_REGIONS]; /* ascending; without [vsyscall] */
    size_t count;
    struct kernel_region kernel[MAX_KERNEL_REGIONS];
    size_t kernel_count;
};

/* Reads /proc/self/maps.  False if that fails, or if there are more regions than a program like this has. */
bool own_maps_read(struct own_maps *maps);

#endif
