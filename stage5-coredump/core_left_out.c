/*
 * core_left_out.c - memory that is not in the core, and that no file has: it is named before the restart.
 *
 * A program may keep memory out of cores (madvise(2), MADV_DONTDUMP): secrets, or a cache of many GiB.
 *
 *     text of libsavefds    has looked, and names each such range: then we know
 *     kernel's core         a PT_LOAD without bytes: kept out, or never written.  It comes back as zeros
 *     gcore's, gdb's        nothing at all; but the program may have pointers to it (core_holes.c)
 */
#include "core.h"

#define TEXT_RANGE "# memory %lx-%lx" /* libsavefds.c writes these lines */
#define TEXT_ALL "# memory: "

/* Names the ranges of the text.  False: it is not libsavefds that wrote it, or an older one. */
static bool say_text(const char *path, size_t *count)
{
    char *line = NULL;
    size_t room = 0;
    bool all = false;
    FILE *text = path != NULL ? fopen(path, "re") : NULL;
    while (text != NULL && getline(&line, &room, text) > 0) {
        uint64_t start, end;
        all |= strncmp(line, TEXT_ALL, strlen(TEXT_ALL)) == 0;
        if (sscanf(line, TEXT_RANGE, &start, &end) != 2)
            continue;
        warnx("%lx-%lx (%lu KiB) was kept out of the core (MADV_DONTDUMP): what was written there is lost", start,
              end, (end - start) >> 10);
        ++*count;
    }
    free(line);
    if (text != NULL)
        fclose(text);
    return all;
}

/* A library's variables without a value in its file (bss) lie behind it; many are never written. */
static bool is_bss(const struct image *image, const struct image_region *region)
{
    const struct image_region *before = region - 1;
    return region > image->regions && before->end == region->start && (before->flags & REGION_FILE) != 0;
}

static void say_empty(const struct image *image, struct core_range random, size_t *count)
{
    for (const struct image_region *r = image->regions; r < image->regions + image->region_count; r++) {
        if ((r->flags & (REGION_STORED | REGION_FILE | REGION_KERNEL)) != 0 || (r->prot & PROT_READ) == 0 ||
            is_bss(image, r) || (r->start >= random.start && r->end <= random.end))
            continue;
        warnx("%lx-%lx (%lu KiB) has no bytes in the core: never written, or kept out of it (MADV_DONTDUMP); it is "
              "zeros now", r->start, r->end, (r->end - r->start) >> 10);
        ++*count;
    }
}

int core_left_out(const struct core *core, const struct image *image, const char *text)
{
    size_t count = 0;
    if (!say_text(text, &count) && core->from_gdb)
        count += core_holes(core, image);
    else if (count == 0 && !core->from_gdb)
        say_empty(image, core_random(core), &count);
    return (int)count;
}
