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

/* Tells the pages of a region that were written to, and protects them. */
static void look_at(struct arena *arena, const struct image_region *r, uint64_t offset, int tracker)
{
    struct incremental *inc = arena->live->incremental;
    struct changes *found = &inc->found;
    struct page_run run;
    bool is_new = offset >= inc->known_end; /* no file has any of it */
    bool readable = r->prot & PROT_READ;
    bool tracked = readable && tracking_keep(tracker, arena->pagemap.fd, r->start, r->end) == 0;
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

void incremental_look(struct arena *arena, int tracker)
{
    struct live *live = arena->live;
    struct incremental *inc = live->incremental;
    inc->found.count = 0;
    page_runs_open(&arena->pagemap);
    arena->pagemap.learn = tracking_protect;
    for (size_t i = 0; i < arena->table.count; i++)
        if ((arena->table.regions[i].flags & REGION_STORED) && live_is_copied(live, i))
            look_at(arena, &arena->table.regions[i], live->offsets[i], tracker);
    sys_close(arena->pagemap.fd);
    inc->known_end = live->end;
    note_locks(arena);
    changes_merge(&inc->merged, &inc->changes, &inc->found, oldest_file(inc));
    inc->changes.count = inc->merged.count;
    memcpy(inc->changes.list, inc->merged.list, inc->merged.count * sizeof *inc->merged.list);
}

/* What of this run the file does not have, or has from an earlier time. */
static int write_changes(struct arena *arena, const struct page_run *run, uint64_t offset)
{
    struct incremental *inc = arena->live->incremental;
    const struct change *c = inc->changes.list + inc->next, *end = inc->changes.list + inc->changes.count;
    int error = 0;
    inc->pages += (run->end - run->start) / ARCH_PAGE_SIZE;
    if (inc->since == 0 || (run->kinds & PAGE_RUN_WRITTEN)) /* by us, since incremental_look() */
        return update_run(arena, run, offset);
    while (c < end && c->end <= run->start)
        c++;
    inc->next = (size_t)(c - inc->changes.list);
    for (; error == 0 && c < end && c->start < run->end; c++) {
        struct page_run part = *run;
        part.start = c->start > run->start ? c->start : run->start;
        part.end = c->end < run->end ? c->end : run->end;
        if (c->when > inc->since)
            error = update_run(arena, &part, offset + (part.start - run->start));
    }
    return error;
}

/* Until the head is there, the last of all, the file is no image: a reader finds zeros in its place. */
int incremental_write(struct arena *arena)
{
    struct live *live = arena->live;
    if (arena->notes.size > live->head_room) {
        live->incremental->head_wish = round_up(2 * arena->notes.size, ARCH_PAGE_SIZE);
        return -E2BIG;
    }
    image_head(arena, live->offsets);
    live->incremental->next = live->incremental->pages = live->last_pages = 0;
    int error = update_punch(live->image, 0, live->head_room);
    if (error == 0)
        error = update_regions(arena, write_changes);
    if (error == 0)
        error = image_write_head(live->image, &arena->notes, update_file_size(arena));
    if (error == -EFBIG)
        forget_sigxfsz();
    return error;
}
