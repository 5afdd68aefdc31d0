/*
 * live_copy.c - the child that shares the program's memory: copies it while the program goes on.  Given.
 *
 * It stands on a stack of its own, with the program's thread-local storage: so system calls only, and no function
 * of libc's that might touch errno.  All signals are blocked, as in the handler that made it.
 *
 * A page is protected first and read then: what is written to it after that is noted, so a torn copy is never the
 * last one.  What is unmapped under our hands reads as EFAULT, and is no part of the image; what cannot be read for
 * a while does so, too, and is copied later.
 */
#include "image_update.h"
#include "image_write.h"
#include "incremental.h"
#include "maps.h"
#include "open_kind.h"
#include "region_cut.h"
#include "write_tracking.h"

#define FEW_PAGES 1024UL /* 4 MiB are written in a moment */
#define MOST_ROUNDS 6
#define COPY_AT_ONCE (1UL << 20) /* bytes: as pages.c */
#define HEAD_ROOM_MIN (1UL << 20) /* bytes of the file, for notes of which nothing is known yet */
#define HEAD_ROOM_REGION 1024UL   /* and for each region: its header, its entry, its name twice */

/* Memory of the program's own, that can be read, and is no stack, which grows downwards. */
static bool is_plain(const struct region *region)
{
    const char *name = region->name;
    bool anonymous = name[0] == '\0' || strcmp(name, "[heap]") == 0 || starts_with(name, "[anon:");
    return !region->shared && anonymous && region->inode == 0 && (region->prot & PROT_READ) &&
           region->start < ARCH_USER_END;
}

/* The region, without its long holes, becomes places; region_cut() works on the table, which nobody needs yet. */
static int add_places(struct arena *arena, const struct region *region)
{
    struct live *live = arena->live;
    struct region_table *t = &arena->table;
    t->count = 1;
    t->regions[0] = (struct image_region){.start = region->start, .end = region->end, .flags = REGION_STORED};
    if (region_cut(t, &arena->pagemap) != 0)
        return 0; /* what has no place is written when the program stands still */
    for (const struct image_region *r = t->regions; r < t->regions + t->count; r++)
        if ((r->flags & REGION_STORED) && live->place_count < IMAGE_MAX_REGIONS &&
            tracking_add(live->tracker, r->start, r->end) == 0) {
            live->places[live->place_count++] = (struct live_place){r->start, r->end, live->end};
            live->end += r->end - r->start;
        }
    return 0;
}

/*
 * The program maps and unmaps while we read: regions that became one meanwhile are told from their beginning once
 * more.  No page may be in two places: it would be copied to one, and be read from the other.
 */
long live_find_memory(struct arena *arena, int (*add)(struct arena *, const struct region *))
{
    struct maps_reader reader;
    struct region region;
    uint64_t told = 0; /* all below is */
    long regions = 0;
    int error = 0, got;
    long fd = sys_open("/proc/self/maps", O_RDONLY | O_CLOEXEC, 0);
    if (fd < 0)
        return fd;
    page_runs_open(&arena->pagemap);
    maps_start(&reader, (int)fd, arena->maps_line, sizeof arena->maps_line);
    for (; error == 0 && (got = maps_next(&reader, &region)) != 0; regions++) {
        region.start = region.start > told ? region.start : told;
        error = got < 0 ? got : region.start < region.end && is_plain(&region) ? add(arena, &region) : 0;
        told = region.end > told ? region.end : told;
    }
    sys_close(arena->pagemap.fd);
    sys_close((int)fd);
    return error != 0 ? error : regions;
}

static int find_places(struct arena *arena)
{
    struct live *live = arena->live;
    long regions = live_find_memory(arena, add_places);
    arena->table.count = 0;
    if (regions < 0)
        return (int)regions;
    live->head_room = round_up(HEAD_ROOM_MIN + (uint64_t)regions * HEAD_ROOM_REGION, ARCH_PAGE_SIZE);
    live->end += live->head_room;
    for (struct live_place *place = live->places; place < live->places + live->place_count; place++)
        place->offset += live->head_room;
    return 0;
}

/* A program that waits for our end, or has become another one (execve(2)), has no use for the rest. */
static bool is_wanted(const struct live *live)
{
    return live_state(live) == LIVE_COPYING && live_program_is_there(live);
}

/*
 * As pages_write_run(), but the program goes on.  What it has forbidden to read meanwhile (mprotect(2)) is
 * protected and not copied: it counts as written to again.
 */
static int copy_run(const struct live *live, const struct page_run *run, uint64_t offset)
{
    uint64_t at = run->start;
    while (at < run->end) {
        if (!is_wanted(live))
            return -ECANCELED;
        uint64_t size = run->end - at < COPY_AT_ONCE ? run->end - at : COPY_AT_ONCE;
        long n = sys_pwrite(live->image, (const void *)at, size, (off_t)(offset + (at - run->start))); // NOLINT
        if (n > 0) {
            at += (uint64_t)n;
        } else if (n == -EFAULT) {
            at = at / ARCH_PAGE_SIZE * ARCH_PAGE_SIZE + ARCH_PAGE_SIZE;
            tracking_mark(live->tracker, at - ARCH_PAGE_SIZE, at);
        } else if (n != -EINTR) {
            return n == 0 ? -EIO : (int)n;
        }
    }
    return 0;
}

int live_copy_run(struct live *live, const struct page_run *run, uint64_t offset)
{
    int error = copy_run(live, run, offset);
    live_look_for_locks(live, run);
    live->pages += (run->end - run->start) / ARCH_PAGE_SIZE;
    return error;
}

/*
 * Copies the pages of a place that are not protected.  When some more were protected, and before they are read, we
 * look for files that are read directly: live_direct.c.
 */
static int copy_place(struct arena *arena, const struct live_place *place)
{
    struct live *live = arena->live;
    struct page_run run;
    uint64_t protected = 0;
    int error = 0;
    for (uint64_t at = place->start;
         error == 0 && page_runs_next(&arena->pagemap, at, place->end, &run); at = run.end) {
        if (arena->pagemap.end != protected)
            live->direct = live->direct || live_reads_directly(live);
        protected = arena->pagemap.end;
        error = live_copy_run(live, &run, place->offset + (run.start - place->start));
    }
    return error;
}

static int copy_places(struct arena *arena)
{
    struct live *live = arena->live;
    int error = 0;
    page_runs_open(&arena->pagemap);
    arena->pagemap.learn = tracking_protect;
    for (size_t i = 0; i < live->place_count && error == 0; i++)
        error = is_wanted(live) ? copy_place(arena, &live->places[i]) : -ECANCELED;
    sys_close(arena->pagemap.fd);
    return error;
}

int live_rounds(struct arena *arena, int (*round)(struct arena *))
{
    struct live *live = arena->live;
    uint64_t now = ~0UL, before;
    int error = 0;
    do {
        before = now;
        now = live->pages;
        error = round(arena);
        now = live->pages - now;
        live->rounds++;
    } while (error == 0 && !live->direct && now > FEW_PAGES && now < before / 4 * 3 && live->rounds < MOST_ROUNDS);
    return error;
}

/* A region whose pages are copied already: those that have changed since. */
static int write_change(struct arena *arena, const struct page_run *run, uint64_t offset)
{
    bool changed = arena->live->direct || (run->kinds & (PAGE_RUN_WRITTEN | PAGE_RUN_SWAPPED)); /* or a guard */
    return changed ? update_run(arena, run, offset) : 0;
}

/* The notes turned out to be larger than the room for them: all regions move behind them, and are written anew. */
static int begin_anew(struct arena *arena)
{
    struct live *live = arena->live;
    uint64_t at = round_up(arena->notes.size, ARCH_PAGE_SIZE);
    live->head_room = live->end = at;
    for (size_t i = 0; i < arena->table.count; i++) {
        live->offsets[i] = at;
        if (arena->table.regions[i].flags & REGION_STORED)
            at += arena->table.regions[i].end - arena->table.regions[i].start;
    }
    return (int)sys_call(SYS_ftruncate, live->image, 0, 0, 0);
}

/* The program stands still.  The image gets all that it lacks. */
static int write_rest(struct arena *arena)
{
    struct live *live = arena->live;
    int error = arena->notes.size > live->head_room ? begin_anew(arena) : 0;
    image_head(arena, live->offsets);
    if (error == 0)
        error = image_write_head(live->image, &arena->notes, update_file_size(arena));
    return error != 0 ? error : update_regions(arena, write_change);
}

int live_ask_for_rest(struct arena *arena, int (*write_rest)(struct arena *))
{
    struct live *live = arena->live;
    if (!live_change_state(live, LIVE_COPYING, LIVE_READY) || !live_send_signal(live))
        return -ECANCELED;
    bool waited = live_wait(live, LIVE_READY, live_program_is_there);
    return waited && live_state(live) == LIVE_LAST ? write_rest(arena) : -ECANCELED;
}

static int save(struct arena *arena)
{
    struct live *live = arena->live;
    live->image = (int)sys_open(arena->temporary, O_RDWR | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
    live->tracker = live->image < 0 ? live->image : (int)tracking_open();
    if (live->tracker < 0)
        return live->tracker;
    int error = find_places(arena);
    if (error == 0)
        error = live_rounds(arena, copy_places);
    if (error == 0)
        error = live_ask_for_rest(arena, write_rest);
    long closed = sys_close(live->image); /* NFS tells of a full disk here */
    return error != 0 ? error : (int)closed;
}

void live_copy(void *argument)
{
    struct arena *arena = argument;
    struct live *live = arena->live;
    bool incremental = live->incremental != NULL; /* then the tracker stays, for the next checkpoint */
    live_own_descriptors(incremental ? live->tracker : -1);
    live->error = incremental ? incremental_copy(arena) : save(arena);
    if (!incremental || live->error != 0)
        live_name_image(arena);
    bool is_awaited = live_state(live) == LIVE_LAST || live->error == -ECANCELED;
    live_set_state(live, LIVE_WHOLE);
    for (size_t i = 0; !incremental && live->tracker >= 0 && i < live->place_count; i++)
        tracking_remove(live->tracker, live->places[i].start, live->places[i].end);
    live_exit(live, live->error != 0 && !is_awaited);
}
