/*
 * incremental_places.c - ckpt --incremental: where memory is in the file.  Given.
 *
 *     memory   |  heap   |              |  map 1 | map 2  |
 *     places   |  heap   . room |       |  map 1 | map 2  . room |
 *     file     head . room | heap . room | map 1 | map 2 . room | new places, later | all that is not tracked
 *
 * The file has holes where nothing is, so room costs nothing.  New memory gets new places behind the others; a
 * region that lies in several places is cut (live_places.c).  A place stays what it is until all is begun anew.
 */
#include "incremental.h"

#define HEAD_ROOM_MIN (1UL << 20)   /* bytes of the file, for the notes, whose size is not known yet */
#define HEAD_ROOM_REGION 1024UL     /* and for each region: its header, its entry, its name twice */
#define ROOM_MIN (1UL << 20)        /* bytes behind each region, if nothing else is there, and an eighth of it */
#define PLACES_MORE 64UL            /* than twice the regions: the memory is another one by now */

/* Behind a place that ends at `end`, up to `limit`. */
static uint64_t with_room(uint64_t start, uint64_t end, uint64_t limit)
{
    uint64_t room = ROOM_MIN + round_up((end - start) / 8, ARCH_PAGE_SIZE);
    return limit - end > room ? end + room : limit;
}

static struct live_place new_place(struct live *live, uint64_t start, uint64_t end)
{
    uint64_t offset = live->end;
    live->end += end - start;
    return (struct live_place){start, end, offset};
}

/* What of all regions is in no place yet gets one; ascending, as the old ones are. */
static void add_places(struct arena *arena)
{
    struct live *live = arena->live;
    const struct image_region *regions = arena->table.regions, *last = regions + arena->table.count;
    const struct live_place *p = live->places, *p_end = p + live->place_count;
    struct live_place *to = live->incremental->new_places;
    for (const struct image_region *r = regions; r < last; r++) {
        uint64_t next = r + 1 < last ? r[1].start : ARCH_USER_END;
        for (uint64_t at = r->start, until; live_may_be_cut(&arena->table, r) && at < r->end; at = until) {
            while (p < p_end && p->end <= at)
                *to++ = *p++;
            until = p < p_end && p->start <= at ? p->end : p < p_end && p->start < r->end ? p->start : r->end;
            if (p < p_end && p->start <= at)
                continue;
            uint64_t limit = p < p_end && p->start < next ? p->start : next;
            *to++ = new_place(live, at, until < r->end ? until : with_room(at, until, limit));
        }
    }
    while (p < p_end)
        *to++ = *p++;
    live->place_count = (size_t)(to - live->incremental->new_places);
    memcpy(live->places, live->incremental->new_places, live->place_count * sizeof *live->places);
}

/* No file is known any more. */
static void begin_anew(struct arena *arena, const char *why)
{
    struct live *live = arena->live;
    struct incremental *inc = live->incremental;
    incremental_drop_spare(inc);
    inc->file_count = inc->changes.count = live->place_count = 0;
    inc->anew = why;
    live->head_room = round_up(HEAD_ROOM_MIN + 2 * arena->table.count * HEAD_ROOM_REGION, ARCH_PAGE_SIZE);
    live->head_room = inc->head_wish > live->head_room ? inc->head_wish : live->head_room;
    live->end = inc->known_end = live->head_room;
}

/* Of aio(7): what is under way is written to memory whose pages were looked up before they were protected. */
static bool has_queue(const struct region_table *t)
{
    bool found = false;
    for (const struct image_region *r = t->regions; r < t->regions + t->count && !found; r++)
        found = starts_with(t->names + r->name, "/[aio]") ||
                strcmp(t->names + r->name, "anon_inode:[io_uring]") == 0;
    return found;
}

bool incremental_plan(struct arena *arena)
{
    struct live *live = arena->live;
    size_t count = arena->table.count;
    if (3 * count > IMAGE_MAX_REGIONS || has_queue(&arena->table))
        return false; /* each region can be in three pieces, where memory that has grown begins and ends */
    if (live->place_count == 0)
        begin_anew(arena, "it is the first one");
    else if (live->place_count > 2 * count + PLACES_MORE || count + 2 * live->place_count > IMAGE_MAX_REGIONS / 4) {
        if (live->image >= 0)
            return false; /* a child has begun already (--live) */
        begin_anew(arena, "the program's memory is another one by now");
    }
    add_places(arena);
    live_plan_places(arena);
    return true;
}
