/* arena.h - the memory that a checkpoint works in: mapped before, unmapped after, never saved. */
#ifndef CKPT_ARENA_H
#define CKPT_ARENA_H

#include <stddef.h>
#include <stdint.h>

struct arena {
    uint64_t start;
    size_t used; /* bytes, of ARENA_SIZE */
};

/* Address space only: a page costs memory when it is touched.  The largest tables and notes fit (checkpoint.c). */
#define ARENA_SIZE (128UL << 20)

/* Maps the arena.  Returns 0 or -errno.  Async-signal-safe, like all of this file. */
int arena_map(struct arena *arena);
void arena_unmap(struct arena *arena);

/* The next `size` bytes, zeroed, 16-aligned.  The caller takes no more than ARENA_SIZE in all. */
void *arena_take(struct arena *arena, size_t size);

#endif
