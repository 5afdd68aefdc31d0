/* arena.h - the memory that a checkpoint works in: mapped before, unmapped after, never saved. */
#ifndef CKPT_ARENA_H
#define CKPT_ARENA_H

#include <stddef.h>
#include <stdint.h>

struct arena {
    uint64_t start;
    size_t size, used; /* bytes */
};

#define ARENA_SIZE (96UL << 20) /* address space only: a page costs memory when it is touched */

/* Maps the arena.  Returns 0 or -errno.  Async-signal-safe, like all of this file. */
int arena_map(struct arena *arena);
void arena_unmap(struct arena *arena);

/* The next `size` bytes, zeroed, 16-aligned; NULL if there are not so many left. */
void *arena_take(struct arena *arena, size_t size);

#endif
