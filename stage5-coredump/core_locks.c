/*
 * core_locks.c - the locks that the program held when the core was taken: each has the thread's id in it, and the
 * second life has another (part_mutexes.c of stage 4).  A core in the middle of setlocale(3) would hang without.
 */
#include "core.h"
#include "image_mutexes.h"
#include "part_thread.h"

#include <linux/futex.h>

#define CHUNK (1UL << 20)

/* Reads a region chunk by chunk, each behind the last page of the one before. */
static void search(struct image_mutexes *locks, const struct core *core, const struct image_region *region)
{
    static char bytes[ARCH_PAGE_SIZE + CHUNK];
    for (uint64_t at = region->start; at < region->end; at += CHUNK) {
        uint64_t size = region->end - at < CHUNK ? region->end - at : CHUNK;
        memcpy(bytes, bytes + CHUNK, ARCH_PAGE_SIZE);
        if (!core_read(core, at, bytes + ARCH_PAGE_SIZE, size))
            return;
        for (uint64_t i = 0; i < size; i += ARCH_PAGE_SIZE)
            mutexes_look_at(locks, (const uint32_t *)(bytes + ARCH_PAGE_SIZE + i), at + i, at + i == region->start);
    }
}

/* Robust mutexes: core_state.c has found the list, and that it is a ring. */
static void search_robust_list(struct image_mutexes *locks, const struct core *core, const struct image *image)
{
    const struct image_thread *thread = image_note(image, IMAGE_NOTE_NAME, NOTE_THREAD, sizeof *thread, NULL);
    struct robust_list_head head;
    uint32_t words[3];
    if (thread == NULL || thread->robust_list == 0 || !core_read(core, thread->robust_list, &head, sizeof head))
        return;
    uint64_t at = (uint64_t)head.list.next & ~1UL;
    while (at != thread->robust_list) {
        uint64_t first_word = at + (uint64_t)head.futex_offset;
        if (core_read(core, first_word, words, sizeof words))
            mutexes_add_robust(locks, words, first_word);
        if (!core_read(core, at, &at, sizeof at))
            return;
        at &= ~1UL;
    }
}

void core_locks(const struct core *core, struct image *image)
{
    static struct image_mutexes locks;
    locks.tid = (uint32_t)core->status->pr_pid;
    for (const struct image_region *r = image->regions; r < image->regions + image->region_count; r++)
        if ((r->flags & REGION_STORED) && (r->prot & PROT_WRITE))
            search(&locks, core, r);
    search_robust_list(&locks, core, image);
    if (locks.count > 0)
        image_put_note(image, NOTE_MUTEXES, &locks, sizeof locks);
}
