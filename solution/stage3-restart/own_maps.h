/* own_maps.h - the address space of restart itself.  Uses libc. */
#ifndef CKPT_OWN_MAPS_H
#define CKPT_OWN_MAPS_H

#include "place.h"

#include <stddef.h>

#define MAX_KERNEL_REGIONS 8

struct kernel_region {
    struct range range;
    char name[32]; /* "[vdso]", "[vvar]", "[vvar_vclock]", ... */
};

struct own_maps {
    struct range *ranges; /* malloc'ed; ascending; without [vsyscall] */
    size_t count;
    struct kernel_region kernel[MAX_KERNEL_REGIONS];
    size_t kernel_count;
};

/* Reads /proc/self/maps.  Returns 0 or an errno; the ranges are freed by own_maps_free(). */
int own_maps_read(struct own_maps *maps);
void own_maps_free(struct own_maps *maps);

#endif
