/*
 * image_memory.h - NOTE_MEMORY: what a program told the kernel about ranges of memory, and what they are made of.
 * part_memory.c saves and restores it; memory_plan.c looks at it before anything is destroyed.
 */
#ifndef CKPT_IMAGE_MEMORY_H
#define CKPT_IMAGE_MEMORY_H

#include "page_runs.h"

/* Bits of memory_range.flags; the first are those of part_memory.c's table. */
enum memory_flag {
    MEMORY_LOCKED = 1,
    MEMORY_LOCKED_ON_FAULT = 2,
    MEMORY_SEALED = 4,
    MEMORY_NO_CHILDS = 1 << 5 | 1 << 7, /* MADV_DONTFORK, MADV_WIPEONFORK */
    MEMORY_GROWS_DOWN = 1 << 11,
    MEMORY_HUGE = 1 << 12,      /* MAP_HUGETLB */
    MEMORY_DROPPABLE = 1 << 13, /* MAP_DROPPABLE */
    MEMORY_USERFAULT = 7 << 14, /* registered with a userfaultfd: missing pages, write-protection, minor faults */
    MEMORY_GUARD = 1 << 17,     /* MADV_GUARD_INSTALL: pages of a range, and in a range of their own */
};
#define MEMORY_LANDING (1U << 28) /* aarch64: PROT_BTI, jumps land where code allows it; of what is "r-x" */
#define MEMORY_TAGGED (1U << 29)  /* aarch64: PROT_MTE, 16 bytes each have a tag, as pointers to them must have */
#define MEMORY_PAGE_SHIFT 18 /* of huge pages: 6 bits, the logarithm of their size, as in mmap(2) */
#define MEMORY_KEY_SHIFT 24  /* pkey_mprotect(2): 4 bits */
#define MEMORY_PAGE(flags) ((flags) >> MEMORY_PAGE_SHIFT & 63)
#define MEMORY_KEY(flags) ((flags) >> MEMORY_KEY_SHIFT & 15)

struct memory_range {
    uint64_t start, end;
    uint32_t flags; /* bits */
    char name[84];  /* of anonymous memory, or "" */
};

struct image_memory {
    uint32_t count;
    uint32_t future; /* MEMORY_LOCKED, MEMORY_LOCKED_ON_FAULT: mlockall(MCL_FUTURE) */
    struct memory_range ranges[];
};

/*
 * guards.c: true if a page of a PAGE_RUN_SWAPPED run is a guard: to touch it is SIGSEGV, whatever the region's
 * permissions are.  Linux 6.13 and 6.14 have guards, but do not show them; there a page that cannot be read is
 * taken for one, if its region is `readable`.  (These two kernels were not tried.)
 */
bool page_is_guard(const struct pagemap *map, uint64_t page, bool readable);

#ifndef MADV_GUARD_INSTALL /* Linux 6.13; <asm-generic/mman-common.h> */
#define MADV_GUARD_INSTALL 102
#endif

#endif
