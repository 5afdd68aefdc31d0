/*
 * live_fork.c - where the kernel does not track writes: a child of fork(2) writes the image.  Given.
 *
 * Its memory is a copy of this moment, which costs as much as there are pages: a twelfth of what writing them does.
 * And some of it is no copy: memory that is shared goes on changing, a page of a file that was never written to is
 * the file's, madvise(2) keeps memory from children (MADV_DONTFORK, MADV_WIPEONFORK).  All that is written before
 * the program goes on.
 */
#include "checkpoint.h"
#include "image_memory.h"
#include "image_mutexes.h"
#include "image_write.h"
#include "live.h"

#include <sched.h>

void *live_find_note(struct note_list *notes, uint32_t type)
{
    Elf64_Nhdr header;
    for (size_t at = notes->start; at < notes->size; at += sizeof header + 8 + round_up(header.n_descsz, 4)) {
        memcpy(&header, notes->bytes + at, sizeof header);
        if (header.n_type == type)
            return notes->bytes + at + sizeof header + 8;
    }
    return NULL;
}

/* By what the program told the kernel about its memory: NOTE_MEMORY, which is among the notes already. */
static bool is_kept_from_children(const struct image_memory *advice, const struct image_region *r)
{
    bool kept = false;
    for (uint32_t i = 0; advice != NULL && i < advice->count && !kept; i++) {
        const struct memory_range *range = &advice->ranges[i];
        kept = (range->flags & MEMORY_NO_CHILDS) && range->start < r->end && r->start < range->end;
    }
    return kept;
}

/* Does the child have the same bytes, whatever happens? */
static bool is_for_child(struct arena *arena, const struct image_region *r)
{
    return (r->flags & ~(uint32_t)REGION_GROWS_DOWN) == REGION_STORED && r->inode == 0 &&
           arena->table.names[r->name] != '/' &&
           !is_kept_from_children(live_find_note(&arena->notes, NOTE_MEMORY), r);
}

/*
 * Adds the held locks to their note, which part_mutexes.c has begun.  The child has all private memory, but what is
 * kept from it; how long it takes is nobody's stall.
 */
static void search_half(struct arena *arena, bool childs)
{
    const struct image_memory *advice = live_find_note(&arena->notes, NOTE_MEMORY);
    struct image_mutexes *locks = live_find_note(&arena->notes, NOTE_MUTEXES);
    const struct region_table *t = &arena->table;
    uint64_t behind = 0;
    page_runs_open(&arena->pagemap);
    for (const struct image_region *r = t->regions; r < t->regions + t->count; r++) {
        bool can_hold = (r->prot & PROT_READ) && (r->prot & PROT_WRITE) && !(r->flags & REGION_SHARED);
        if (!can_hold || is_kept_from_children(advice, r) == childs)
            continue;
        arena->pagemap.anonymous = r->inode == 0;
        mutexes_search(locks, &arena->pagemap, r->start, r->end, NULL, &behind);
    }
    sys_close(arena->pagemap.fd);
    *arena->notes.checksum = 0; /* image_head() sums them up again */
}

static int write_half(struct arena *arena, bool childs)
{
    const struct region_table *t = &arena->table;
    int error = 0;
    page_runs_open(&arena->pagemap);
    for (size_t i = 0; i < t->count && error == 0; i++)
        if (is_for_child(arena, &t->regions[i]) == childs)
            error = image_write_region(arena->live->image, arena, i);
    sys_close(arena->pagemap.fd);
    return error;
}

static int open_and_write(struct arena *arena, bool childs)
{
    struct live *live = arena->live;
    long image = sys_open(arena->temporary, O_WRONLY | O_CLOEXEC | (childs ? 0 : O_CREAT | O_TRUNC), 0600);
    live->image = (int)image;
    if (image < 0)
        return (int)image;
    search_half(arena, childs); /* then the notes are complete: the head that the child writes counts */
    int error = image_write_head(live->image, &arena->notes, image_head(arena, NULL));
    if (error == 0)
        error = write_half(arena, childs);
    long closed = sys_close(live->image);
    return error != 0 ? error : (int)closed;
}

int live_fork(struct arena *arena)
{
    struct live *live = arena->live;
    int error = open_and_write(arena, false);
    if (error == -EFBIG)
        forget_sigxfsz();
    if (error != 0)
        live_say_failure(live, error);
    char name[LIVE_NAME_ROOM];
    live_lend_name(name);
    long child = error != 0 ? error : sys_call(SYS_clone, CLONE_FILES | CLONE_UNTRACED, 0, 0, 0);
    if (child == 0) {
        live_own_descriptors(-1);
        live->error = open_and_write(arena, true);
        live_name_image(arena);
        live_exit(live, live->error != 0);
    }
    live_own_name(name);
    if (child < 0) {
        sys_unlink(arena->temporary);
        return (int)child;
    }
    live->child = child;
    return -EINPROGRESS;
}
