/*
 * incremental_pages.c - ckpt --incremental: what has changed, and what of it the file lacks.  Given.
 *
 * The order is: protect, then read.  So what somebody else writes to this memory meanwhile (process_vm_writev(2), a
 * debugger) is noted for the next checkpoint, whatever this one has of it.
 */
#include "checkpoint.h"
#include "image_update.h"
#include "image_write.h"
#include "incremental.h"
#include "write_tracking.h"

/*
 * While the program goes on, only the first round begins to track what is not.  The others pass over it, and when
 * the program stands still it is written.
 */
static bool track(struct arena *arena, const struct image_region *r, int tracker)
{
    int pagemap = arena->pagemap.fd;
    if (!arena->live->incremental->meanwhile)
        return tracking_keep(tracker, pagemap, r->start, r->end) == 0;
    return arena->live->rounds > 0 || tracking_has(pagemap, r->start, r->end) ||
           tracking_add(tracker, r->start, r->end) == 0;
}

/* Tells the pages of a region that were written to, and protects them. */
static void look_at(struct arena *arena, const struct image_region *r, uint64_t offset, int tracker)
{
    struct incremental *inc = arena->live->incremental;
    struct changes *found = &inc->found;
    struct page_run run;
    bool is_new = offset >= inc->known_end || arena->live->direct; /* no file has it, or has it right */
    bool readable = r->prot & PROT_READ;
    bool tracked = readable && track(arena, r, tracker);
    if (!tracked || is_new)
        changes_add(found, r->start, r->end, readable && !tracked ? CHANGE_ALWAYS : inc->now);
    for (uint64_t at = r->start; tracked && page_runs_next(&arena->pagemap, at, r->end, &run); at = run.end)
        if (!is_new)
            changes_add(found, run.start, run.end, inc->now);
}

/* Locks that are held are in their note already: the next checkpoint looks there again, and at what changes. */
static void note_locks(struct arena *arena)
{
    struct incremental *inc = arena->live->incremental;
    const struct image_mutexes *note = live_find_note(&arena->notes, NOTE_MUTEXES);
    inc->held.count = 0;
    for (uint32_t i = 0; note != NULL && i < note->count && i < MUTEXES_MOST; i++)
        inc->held.pages[inc->held.count++] = note->owners[i] / ARCH_PAGE_SIZE * ARCH_PAGE_SIZE;
    inc->looked = note == NULL || note->count <= MUTEXES_MOST;
}

/* Before which checkpoint nobody needs to know what has changed. */
static uint64_t oldest_file(const struct incremental *inc)
{
    uint64_t oldest = inc->since != 0 ? inc->since : inc->now;
    for (const struct image_file *file = inc->files; file < inc->files + inc->file_count; file++)
        oldest = file->when < oldest ? file->when : oldest;
    return inc->spare.when != 0 && inc->spare.when < oldest ? inc->spare.when : oldest;
}

/* What is between the regions of a round counts as written to after it. */
static void pass_over(struct incremental *inc, uint64_t start, uint64_t end)
{
    if (inc->meanwhile && start < end)
        changes_add(&inc->found, start, end, inc->now + 1);
}

void incremental_look(struct arena *arena, int tracker)
{
    struct live *live = arena->live;
    struct incremental *inc = live->incremental;
    uint64_t behind = 0;
    inc->found.count = 0;
    page_runs_open(&arena->pagemap);
    arena->pagemap.learn = tracking_protect;
    for (size_t i = 0; i < arena->table.count; i++) {
        const struct image_region *r = &arena->table.regions[i];
        if (!live_is_placed(arena, i))
            continue;
        pass_over(inc, behind, r->start);
        look_at(arena, r, live->offsets[i], tracker);
        behind = r->end;
    }
    pass_over(inc, behind, ARCH_USER_END);
    sys_close(arena->pagemap.fd);
    inc->known_end = live->end;
    changes_merge(&inc->merged, &inc->changes, &inc->found, oldest_file(inc));
    inc->changes.count = inc->merged.count;
    memcpy(inc->changes.list, inc->merged.list, inc->merged.count * sizeof *inc->merged.list);
}

/* In a round the program goes on, and may unmap it, or make a guard of it (which looks swapped out). */
static int write_part(struct arena *arena, const struct page_run *run, uint64_t offset)
{
    struct live *live = arena->live;
    if (!live->incremental->meanwhile)
        return update_run(arena, run, offset);
    int error = update_guards(live, run, offset);
    return error != 0 ? error : live_copy_run(live, run, offset);
}

int incremental_write_changes(struct arena *arena, const struct page_run *run, uint64_t offset)
{
    struct incremental *inc = arena->live->incremental;
    const struct change *c = inc->changes.list + inc->next, *end = inc->changes.list + inc->changes.count;
    int error = 0;
    inc->pages += (run->end - run->start) / ARCH_PAGE_SIZE;
    if (inc->since == 0 || (!inc->meanwhile && (run->kinds & PAGE_RUN_WRITTEN))) /* by us, since we looked */
        return write_part(arena, run, offset);
    while (c < end && c->end <= run->start)
        c++;
    inc->next = (size_t)(c - inc->changes.list);
    for (; error == 0 && c < end && c->start < run->end; c++) {
        struct page_run part = *run;
        part.start = c->start > run->start ? c->start : run->start;
        part.end = c->end < run->end ? c->end : run->end;
        if (c->when > inc->since)
            error = write_part(arena, &part, offset + (part.start - run->start));
    }
    return error;
}

/* Until the head is there, the last of all, the file is no image: a reader finds zeros in its place. */
int incremental_write(struct arena *arena, int tracker)
{
    struct live *live = arena->live;
    incremental_look(arena, tracker);
    note_locks(arena);
    if (arena->notes.size > live->head_room) {
        live->incremental->head_wish = round_up(2 * arena->notes.size, ARCH_PAGE_SIZE);
        return -E2BIG;
    }
    image_head(arena, live->offsets);
    live->incremental->next = live->incremental->pages = live->last_pages = 0;
    int error = update_punch(live->image, 0, live->head_room);
    if (error == 0)
        error = update_regions(arena, incremental_write_changes);
    if (error == 0)
        error = image_write_head(live->image, &arena->notes, update_file_size(arena));
    if (error == -EFBIG)
        forget_sigxfsz();
    return error;
}
