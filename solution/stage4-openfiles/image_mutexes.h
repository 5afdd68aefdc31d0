/* image_mutexes.h - NOTE_MUTEXES: which locks were held, and how they are found (part_mutexes.c). */
#ifndef IMAGE_MUTEXES_H
#define IMAGE_MUTEXES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define MUTEXES_MOST 64 /* locks held at one time by one thread */

struct pagemap;

struct image_mutexes {
    uint32_t tid; /* of the first life */
    uint32_t count; /* MUTEXES_MOST + 1: there are more, which are not in the note */
    uint64_t owners[MUTEXES_MOST]; /* addresses of the fields with the owner's id */
};

/* Pages in which held locks were seen. */
#define KNOWN_MOST 256
struct known_pages {
    size_t count; /* KNOWN_MOST + 1: there are more */
    uint64_t pages[KNOWN_MOST];
};

/*
 * Adds the locks in one page of memory that m->tid holds.  `words` is where its bytes are, `page` the address that
 * it has in the program; `first`: what lies before it is not the program's to read, or another region's.
 * Async-signal-safe.  With `first` false 24 bytes in front of `words` are read, too.
 */
void mutexes_look_at(struct image_mutexes *m, const uint32_t *words, uint64_t page, bool first);

/*
 * Adds the locks in what has content of the memory from start to end, which can be read and written.  map is open.
 * `known`: what was not written to is looked at in these pages only; NULL: everywhere.  *behind: the end of the
 * last page that can be read, 0 at first: of a lock that begins there the rest may be in the next region.
 * Async-signal-safe.
 */
void mutexes_search(struct image_mutexes *m, struct pagemap *map, uint64_t start, uint64_t end,
                    const struct known_pages *known, uint64_t *behind);

/* Adds one of the kernel's list of robust mutexes, whose first three words (at `first_word`) these are. */
void mutexes_add_robust(struct image_mutexes *m, const uint32_t words[3], uint64_t first_word);

#endif
