/*
 * arena.h - all memory that a checkpoint works in: mapped before, unmapped after, never saved.  A signal
 * handler may not call malloc(), and its stack may be small.
 */
#ifndef CKPT_ARENA_H
#define CKPT_ARENA_H

#include "image.h"
#include "library.h"
#include "maps.h"
#include "pages.h"
#include "sys.h"
#include "text.h"

#define NAMES_ROOM (16UL << 20) /* bytes */
#define PART_ROOM (1UL << 20)   /* bytes, for each note at least: thousands of waiting signals fit */
#define HEAD_ROOM (104UL << 20) /* bytes: headers and regions, the names twice, 16 notes, and OPEN_CONTENT_LIMIT */

/* The regions of this process, as the image describes them. */
struct region_table {
    struct image_region regions[IMAGE_MAX_REGIONS];
    size_t count;
    char names[NAMES_ROOM]; /* regions[i].name is an offset into this */
    size_t names_size;
};

/* The image up to the bytes of its regions: headers, then notes, as they will stand in the file. */
struct note_list {
    char bytes[HEAD_ROOM];
    size_t start, size; /* where the notes begin, and end */
    uint64_t *checksum; /* in NOTE_HEADER; filled when all else is there */
};

struct live;

/* Address space only: a page of it costs memory when it is touched.  All zeros at first. */
struct arena {
    uint64_t start; /* its own address: so the region is known in /proc/self/maps */
    struct live *live; /* the program goes on meanwhile (library.h); NULL: it stands still */
    struct region_table table;
    struct note_list notes;
    struct pagemap pagemap;
    char maps_line[MAPS_BUFFER_SIZE];
    char temporary[2 * PATH_MAX]; /* the image's name while it is not whole */
};

/*
 * `size` bytes: an arena, and what its owner keeps behind it.  Returns its address or -errno.
 *
 * MAP_SHARED, though nobody shares the arena: a private anonymous mapping could be merged with a neighbour
 * of the same kind into one region, and then /proc/self/maps would not show where the arena ends.
 */
static inline long arena_map(size_t size)
{
    return sys_mmap(0, size, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
}

/* The arena of this checkpoint: one that is lent (library.h), and is not ours to unmap; or a new one. */
static inline long arena_get(void)
{
    uint64_t lent = library_live_arena != NULL ? library_live_arena() : 0;
    return lent != 0 ? (long)lent : arena_map(sizeof(struct arena));
}

/* When the table of regions is there. */
static inline void arena_plan(struct arena *arena)
{
    if (arena->live != NULL)
        library_live_plan(arena);
}

#endif
