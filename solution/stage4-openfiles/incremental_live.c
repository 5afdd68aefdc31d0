/*
 * incremental_live.c - ckpt --incremental --live: the child of live_copy.c brings the file up to date while the
 * program goes on.  Given.
 *
 *     the program  |-clone-|....goes on..............................|--stands still--|....goes on...
 *     its child            |look, write|look, write|look, write| ^ signal |look, write|
 *     the file     as of 7             8           9           10                     11: an image
 *
 * Each round is a checkpoint of its own, with a number: it tells what has changed, protects it, and writes what the
 * file lacks of it.  Then the file is as of that number.  The last one is made while the program stands still.
 *
 * What a round cannot look at, since it may not be read just now, or is new, counts as written to after it.  What a
 * device may have written past the notes (live_direct.c) is written once more, for this file and for the others.
 */
#include "checkpoint.h"
#include "image_update.h"
#include "incremental.h"
#include "region_cut.h"

/* The child has a table of its own, of memory that can be copied, until the program makes one. */
static int add_region(struct arena *arena, const struct region *region)
{
    struct region_table *t = &arena->table;
    if (t->count == IMAGE_MAX_REGIONS)
        return -E2BIG;
    t->regions[t->count++] = (struct image_region){
        .start = region->start, .end = region->end, .prot = (uint32_t)region->prot, .flags = REGION_STORED};
    return region_cut(t, &arena->pagemap);
}

/* Pages with held locks, as far as they are known: to these come those that the rounds see. */
static void know_locks(struct live *live)
{
    const struct incremental *inc = live->incremental;
    bool is_first = inc->now == 1;
    live->held.count = inc->looked ? inc->held.count : is_first ? 0 : KNOWN_MOST + 1;
    for (size_t i = 0; inc->looked && i < inc->held.count && i < KNOWN_MOST; i++)
        live->held.pages[i] = inc->held.pages[i];
}

static int copy_region(struct arena *arena, size_t i)
{
    const struct image_region *r = &arena->table.regions[i];
    struct page_run run;
    int error = 0;
    for (uint64_t at = r->start; error == 0 && page_runs_next(&arena->pagemap, at, r->end, &run); at = run.end)
        error = incremental_write_changes(arena, &run, arena->live->offsets[i] + (run.start - r->start));
    return error;
}

/* It is protected, all of it, before we look for files that are read directly; and that is before we read it. */
static int copy_changes(struct arena *arena)
{
    struct live *live = arena->live;
    struct incremental *inc = live->incremental;
    int error = 0;
    inc->now++;
    incremental_look(arena, live->tracker);
    live->direct = live->direct || live_reads_directly(live);
    inc->next = 0;
    page_runs_open(&arena->pagemap);
    arena->pagemap.anonymous = true;
    for (size_t i = 0; i < arena->table.count && error == 0; i++)
        if (live_is_placed(arena, i))
            error = copy_region(arena, i);
    sys_close(arena->pagemap.fd);
    inc->since = inc->now;
    return error;
}

/* The program stands still. */
static int write_rest(struct arena *arena)
{
    arena->live->incremental->meanwhile = false;
    arena->live->incremental->now++;
    return incremental_write(arena, arena->live->tracker);
}

static int open_and_copy(struct arena *arena)
{
    struct live *live = arena->live;
    live->image = incremental_open(arena);
    if (live->image < 0)
        return live->image;
    int error = update_punch(live->image, 0, live->head_room); /* it is no image now */
    if (error == 0)
        error = live_rounds(arena, copy_changes);
    arena->table.count = 0;
    if (error == 0)
        error = live_ask_for_rest(arena, write_rest);
    if (error == 0)
        return incremental_close(arena);
    sys_close(live->image);
    return error;
}

int incremental_copy(struct arena *arena)
{
    arena->live->incremental->meanwhile = true;
    know_locks(arena->live);
    long regions = live_find_memory(arena, add_region);
    if (regions < 0)
        return (int)regions;
    return incremental_plan(arena) ? open_and_copy(arena) : -E2BIG;
}
