/* image_update.c - see image_update.h. */
#include "image_update.h"
#include "image_write.h"
#include "sys_whole.h"

int update_punch(int fd, uint64_t offset, uint64_t size)
{
    static const char zeros[ARCH_PAGE_SIZE];
    uint64_t end = offset + size;
    long data = size == 0 ? (long)end : sys_lseek(fd, (off_t)offset, SEEK_DATA);
    if (data == -ENXIO || data >= (long)end)
        return 0; /* there is a hole already */
    if (sys_call(SYS_fallocate, fd, FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE, (long)offset, (long)size) == 0)
        return 0;
    long error = 0;
    for (; offset < end && error == 0; offset += ARCH_PAGE_SIZE)
        error = sys_pwrite_whole(fd, zeros, sizeof zeros, offset);
    return (int)error;
}

int update_guards(const struct live *live, const struct page_run *run, uint64_t offset)
{
    return run->kinds & PAGE_RUN_SWAPPED ? update_punch(live->image, offset, run->end - run->start) : 0;
}

int update_run(struct arena *arena, const struct page_run *run, uint64_t offset)
{
    struct live *live = arena->live;
    int error = update_guards(live, run, offset);
    live->last_pages += (run->end - run->start) / ARCH_PAGE_SIZE;
    return error != 0 ? error : pages_write_run(live->image, run, offset);
}

/* A region in a place. */
static int update_region(struct arena *arena, const struct image_region *r, uint64_t offset,
                         int (*write_run)(struct arena *, const struct page_run *, uint64_t offset))
{
    int image = arena->live->image, error = 0;
    struct page_run run;
    uint64_t at = r->start;
    arena->pagemap.anonymous = true;
    for (; error == 0 && page_runs_next(&arena->pagemap, at, r->end, &run); at = run.end) {
        error = update_punch(image, offset + (at - r->start), run.start - at);
        if (error == 0)
            error = write_run(arena, &run, offset + (run.start - r->start));
    }
    return error != 0 ? error : update_punch(image, offset + (at - r->start), r->end - at);
}

/* What of the places no region shows any more. */
static int punch_between(struct arena *arena)
{
    struct live *live = arena->live;
    const struct image_region *regions = arena->table.regions, *r = regions, *end = r + arena->table.count;
    int error = 0;
    for (const struct live_place *p = live->places; p < live->places + live->place_count; p++)
        for (uint64_t at = p->start, until; error == 0 && at < p->end; at = until) {
            while (r < end && r->end <= at)
                r++;
            bool inside = r < end && r->start <= at;
            until = r == end ? p->end : inside ? r->end : r->start;
            until = until < p->end ? until : p->end;
            if (!inside || !live_is_placed(arena, (size_t)(r - regions)))
                error = update_punch(live->image, p->offset + (at - p->start), until - at);
        }
    return error;
}

int update_regions(struct arena *arena, int (*write_run)(struct arena *, const struct page_run *, uint64_t offset))
{
    struct live *live = arena->live;
    const struct region_table *t = &arena->table;
    int error = punch_between(arena);
    page_runs_open(&arena->pagemap);
    for (size_t i = 0; i < t->count && error == 0; i++) {
        const struct image_region *r = &t->regions[i];
        if (!(r->flags & REGION_STORED))
            continue;
        if (live_is_copied(live, i) && (r->prot & PROT_READ)) {
            error = update_region(arena, r, live->offsets[i], write_run);
            continue;
        }
        /* It must be made readable (pages.c), or is in no place; and there are holes where it has no pages now. */
        error = update_punch(live->image, live->offsets[i], r->end - r->start);
        error = error != 0 ? error : image_write_region(live->image, arena, i);
    }
    sys_close(arena->pagemap.fd);
    return error;
}

uint64_t update_file_size(const struct arena *arena)
{
    uint64_t size = arena->live->head_room;
    for (size_t i = 0; i < arena->table.count; i++) {
        const struct image_region *r = &arena->table.regions[i];
        uint64_t end = arena->live->offsets[i] + (r->end - r->start);
        size = (r->flags & REGION_STORED) && end > size ? end : size;
    }
    return size;
}
