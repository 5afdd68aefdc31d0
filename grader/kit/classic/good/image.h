/* image.h: what is in the file myckpt.
 *
 *     struct image_header
 *     struct region_header, then `stored` bytes     for each region
 *     struct region_header with end == 0            the end
 */
#ifndef IMAGE_H
#define IMAGE_H

#include <stdint.h>

#define IMAGE_MAGIC "MYCKPT1"
#define PAGE 4096ul

struct range {
    uint64_t start, end;
};

struct image_header {
    char magic[8];
    uint64_t context;       /* address of the ucontext_t to jump to */
    uint64_t tls;           /* the fs register */
    struct range kernel;    /* where [vvar] and [vdso] were, all together */
    uint64_t restart_place; /* address of a struct range: where restart's own memory is, for libckpt */
};

struct region_header {
    uint64_t start, end;
    uint64_t stored; /* bytes that follow: all or none */
    int32_t protection;
    int32_t grows_down; /* the stack */
};

#endif
