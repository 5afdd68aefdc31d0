/*
 * core_holes.c - gcore and gdb do not name the memory that a program keeps out of cores: there is a hole.  A
 * pointer into a hole tells that something was there.
 *
 * It may have been freed since; so this is for a message, and nothing is done to the hole.  Not looked at are the
 * large holes that every program has, and those in front of its heap and its stack: numbers look like pointers to
 * these.  The first byte of a hole is the end of what lies before it, too: to it only registers, the stack and the
 * program's own variables count.
 */
#include "core.h"

#define LARGE (1UL << 36) /* bytes: 64 GiB */
#define CHUNK (1UL << 16)

struct hole {
    struct core_range range;
    size_t pointers;
};

struct holes {
    struct hole *list; /* malloc'ed, ascending */
    size_t count;
};

/* The end of the program's own file and of what lies right behind it: the heap begins somewhere above. */
static uint64_t program_end(const struct core *core, const struct image *image)
{
    const struct image_region *entry = image_region_at(image, core_aux(core, AT_ENTRY));
    uint64_t end = 0;
    for (const struct image_region *r = image->regions; r < image->regions + image->region_count; r++)
        if (r->start == end || (entry != NULL && (r->flags & REGION_FILE) &&
                                strcmp(image->names + r->name, image->names + entry->name) == 0))
            end = r->end;
    return end;
}

static struct holes find_holes(const struct core *core, const struct image *image)
{
    struct holes holes = {.list = calloc(image->region_count + 1, sizeof *holes.list)};
    uint64_t before_heap = program_end(core, image);
    if (holes.list == NULL)
        err(EX_OSERR, "%s", core->path);
    for (size_t i = 1; i < image->region_count; i++) {
        struct core_range range = {image->regions[i - 1].end, image->regions[i].start};
        bool before_stack = (image->regions[i].flags & REGION_GROWS_DOWN) != 0;
        bool usual = range.start == before_heap || before_stack || range.end - range.start > LARGE;
        if (range.start < range.end && !usual)
            holes.list[holes.count++].range = range;
    }
    return holes;
}

static void look_at_word(const struct holes *holes, uint64_t word, bool near)
{
    size_t low = 0, high = holes->count; /* the hole is in [low, high), if there is one */
    while (low < high) {
        size_t middle = (low + high) / 2;
        struct hole *hole = &holes->list[middle];
        if (word >= hole->range.start && word < hole->range.end) {
            hole->pointers += near || word != hole->range.start;
            return;
        }
        if (word < hole->range.start)
            high = middle;
        else
            low = middle + 1;
    }
}

/* All words of a region; on the stack only what is in use. */
static void look_at_region(const struct holes *holes, const struct core *core, const struct image *image,
                           const struct image_region *region)
{
    static uint64_t words[CHUNK / sizeof(uint64_t)];
    const struct image_region *entry = image_region_at(image, core_aux(core, AT_ENTRY));
    uint64_t top = arch_core_stack(&core->registers);
    bool stack = top >= region->start && top < region->end;
    bool near = stack || (entry != NULL && (region->flags & REGION_FILE) && region->name == entry->name);
    uint64_t at = stack ? top & ~7UL : region->start;
    for (uint64_t size; at < region->end; at += size) {
        size = region->end - at < CHUNK ? region->end - at : CHUNK;
        if (!core_read(core, at, words, size))
            return;
        for (size_t i = 0; i < size / sizeof *words; i++)
            if (words[i] >= holes->list[0].range.start && words[i] < holes->list[holes->count - 1].range.end)
                look_at_word(holes, words[i], near);
    }
}

size_t core_holes(const struct core *core, const struct image *image)
{
    struct holes holes = find_holes(core, image);
    const uint64_t *registers = (const uint64_t *)&core->registers;
    size_t found = 0;
    for (size_t i = 0; i < sizeof core->registers / sizeof *registers; i++)
        look_at_word(&holes, registers[i], true);
    for (const struct image_region *r = image->regions; r < image->regions + image->region_count; r++)
        if (holes.count > 0 && (r->flags & REGION_STORED) && (r->prot & PROT_WRITE))
            look_at_region(&holes, core, image, r);
    for (const struct hole *hole = holes.list; hole < holes.list + holes.count; hole++)
        if (hole->pointers > 0) {
            warnx("the program has %zu pointers to %lx-%lx (%lu KiB), where the core has no memory: freed since, "
                  "or kept out of it (MADV_DONTDUMP; in gdb: set dump-excluded-mappings on)", hole->pointers,
                  hole->range.start, hole->range.end, (hole->range.end - hole->range.start) >> 10);
            found++;
        }
    free(holes.list);
    return found;
}
