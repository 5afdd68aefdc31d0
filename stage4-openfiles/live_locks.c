/*
 * live_locks.c - looks for held locks in what is copied, while the program goes on: so that part_mutexes.c must not
 * read all memory while it stands still.  Only pages are noted, in which one was seen: there it looks again.
 * Given.
 */
#include "image_mutexes.h"
#include "live.h"

#define FIRST_WORDS 6 /* of a page: a lock whose owner is there may begin in the page before */

static void note_page(struct known_pages *held, uint64_t page)
{
    if (held->count < KNOWN_MOST)
        held->pages[held->count] = page;
    if (held->count <= KNOWN_MOST)
        held->count++;
}

static void look_at(struct live *live, const uint32_t *words, uint64_t page)
{
    struct image_mutexes found = {.tid = (uint32_t)live->program};
    for (size_t i = 0; i < FIRST_WORDS && found.count == 0; i++)
        found.count = words[i] == found.tid;
    if (found.count == 0) /* it may end in the page behind */
        found.count = words[ARCH_PAGE_SIZE / sizeof *words - 2] == found.tid;
    if (found.count == 0)
        mutexes_look_at(&found, words, page, true);
    if (found.count != 0)
        note_page(&live->held, page);
}

/* By the kernel: the program may unmap it under our hands.  What it does so is in no image, or it is new. */
void live_look_for_locks(struct live *live, const struct page_run *run)
{
    for (uint64_t at = run->start, size; at < run->end; at += size) {
        size = run->end - at < sizeof live->copy ? run->end - at : sizeof live->copy;
        if (!sys_peek(at, live->copy, size) && (size = ARCH_PAGE_SIZE) != 0 && !sys_peek(at, live->copy, size))
            continue;
        for (uint64_t page = 0; page < size; page += ARCH_PAGE_SIZE)
            look_at(live, (const uint32_t *)(live->copy + page), at + page);
    }
}
