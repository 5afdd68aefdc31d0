/* image_memory.h - NOTE_MEMORY: what the kernel was told about ranges of memory (part_memory.c). */
#ifndef IMAGE_MEMORY_H
#define IMAGE_MEMORY_H

#include <stdint.h>

/* Memory that the kernel may empty at any time, MAP_DROPPABLE (Linux 6.11): a bit of memory_range's flags. */
#define MEMORY_DROPPABLE (1U << 11)

struct memory_range {
    uint64_t start, end;
    uint32_t flags; /* bits: part_memory.c has what each means */
    char name[84];  /* of anonymous memory, or "" */
};

struct image_memory {
    uint32_t count;
    uint32_t future; /* LOCKED, LOCKED_ON_FAULT: mlockall(MCL_FUTURE) */
    struct memory_range ranges[];
};

#endif
