/*
 * live_places.c - where the regions' bytes are in the file, when some are there already.  Given.
 *
 *     places   [1   copied   )          [2  copied )           where memory was when the child began
 *     regions  |a |   b   |c | d  |     |    e  |              as it is now
 *     file     head | 1: b, c | 2: e | a? no: within 1; d: new, at the end
 *
 * A region may have grown, or be a new one beside a place: it is cut where the place ends, as region_cut.c cuts at
 * holes. Restart maps the pieces side by side, and the kernel makes one region of them again.
 */
#include "live.h"

/* May it be cut?  Private memory without a file, of small pages, and no stack.  The others are in no place. */
bool live_may_be_cut(const struct region_table *t, const struct image_region *r)
{
    return r->flags == REGION_STORED && r->inode == 0 && t->names[r->name] != '/';
}

/* Adds a piece of a region: at `offset` of the file; 0: at its end.  False: the table is full. */
static bool add(struct arena *arena, const struct image_region *r, uint64_t start, uint64_t end, uint64_t offset)
{
    struct region_table *t = &arena->table;
    if (t->count == IMAGE_MAX_REGIONS)
        return false;
    struct image_region *to = &t->regions[t->count];
    *to = *r;
    to->start = start;
    to->end = end;
    arena->live->offsets[t->count++] = offset;
    return true;
}

/*
 * The pieces of one region.  *place: the first that ends behind its start; it goes on to those of the next region.
 */
static bool add_pieces(struct arena *arena, const struct image_region *r, const struct live_place **place)
{
    const struct live_place *end = arena->live->places + arena->live->place_count;
    bool fits = true;
    while (*place < end && (*place)->end <= r->start)
        (*place)++;
    if (!live_may_be_cut(&arena->table, r))
        return add(arena, r, r->start, r->end, 0);
    const struct live_place *p = *place;
    for (uint64_t at = r->start, until; fits && at < r->end; at = until) {
        bool inside = p < end && p->start <= at;
        until = p == end ? r->end : inside ? p->end : p->start;
        until = until < r->end ? until : r->end;
        fits = add(arena, r, at, until, inside ? p->offset + (at - p->start) : 0);
        p += inside && until == p->end;
    }
    return fits;
}

/* All that has no offset yet comes behind the last place. */
static void add_offsets(struct arena *arena)
{
    uint64_t at = arena->live->end;
    for (size_t i = 0; i < arena->table.count; i++) {
        const struct image_region *r = &arena->table.regions[i];
        if (arena->live->offsets[i] != 0)
            continue;
        arena->live->offsets[i] = at;
        at += r->flags & REGION_STORED ? r->end - r->start : 0;
    }
}

void live_plan_places(struct arena *arena)
{
    struct live *live = arena->live;
    struct region_table *t = &arena->table;
    size_t count = t->count;
    const struct live_place *place = live->places;
    bool fits = true;
    memcpy(live->whole, t->regions, count * sizeof *t->regions);
    t->count = 0;
    for (size_t i = 0; i < count && fits; i++)
        fits = add_pieces(arena, &live->whole[i], &place);
    if (!fits) { /* too many pieces: none is cut, and all are written now */
        memcpy(t->regions, live->whole, count * sizeof *t->regions);
        memset(live->offsets, 0, count * sizeof *live->offsets);
        t->count = count;
    }
    add_offsets(arena);
}
