/* arena.c - working memory for one checkpoint. */
#include "arena.h"
#include "sys.h"

/*
 * MAP_SHARED, though nobody shares it: a private anonymous mapping could be merged with a neighbour of
 * the same kind into one region, and then /proc/self/maps would not show where the arena ends.
 */
int arena_map(struct arena *arena)
{
    long at = sys_mmap(0, ARENA_SIZE, PROT_READ | PROT_WRITE,
                       MAP_SHARED | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
    if (sys_failed(at))
        return (int)at;
    *arena = (struct arena){.start = (uint64_t)at};
    return 0;
}

void arena_unmap(struct arena *arena)
{
    sys_munmap(arena->start, ARENA_SIZE);
}

void *arena_take(struct arena *arena, size_t size)
{
    void *taken = (char *)arena->start + arena->used; // NOLINT: an address becomes a pointer here
    arena->used += (size + 15) & ~15UL;
    return taken;
}
