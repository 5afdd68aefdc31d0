/*
 * image_places.c - which regions of an image that comes are put where they shall be, while its other records still
 * come.
 *
 *     memfd          | head | small regions | (nothing) | small regions |
 *     this process   ...........................[large region]..............restart's own memory...
 *
 * The head is believed no more than that of any image: image_open() has checked it, and what is mapped is mapped
 * where nothing is.  What is not chosen comes as ever: from the memfd.
 */
#include "image_arrive.h"
#include "image_memory.h"
#include "libc.h"

#define LEAST (1UL << 20)       /* bytes: smaller ones are not worth it */
#define OWN_STACK (16UL << 20)  /* bytes below where our stack ends now, which stay its */
#define OTHER_KINDS (MEMORY_GROWS_DOWN | MEMORY_HUGE | MEMORY_DROPPABLE) /* not to be had by a plain mapping */

/* The file as long as its head says: image_open() wants that.  False: the head is not whole yet. */
static bool has_head(const struct image_arrival *arrival)
{
    struct {
        Elf64_Ehdr elf;
        Elf64_Phdr notes;
    } first;
    Elf64_Phdr segment;
    uint64_t end = arrival->end;
    if (pread(arrival->fd, &first, sizeof first, 0) != (ssize_t)sizeof first ||
        end < sizeof first.elf + first.elf.e_phnum * sizeof segment ||
        end < first.notes.p_offset + first.notes.p_filesz)
        return false;
    for (size_t i = 0; i < first.elf.e_phnum; i++) {
        off_t at = (off_t)(sizeof first.elf + i * sizeof segment);
        bool fine = pread(arrival->fd, &segment, sizeof segment, at) == (ssize_t)sizeof segment;
        if (fine && segment.p_offset + segment.p_filesz > end)
            end = segment.p_offset + segment.p_filesz;
    }
    return end < INT64_MAX && ftruncate(arrival->fd, (off_t)end) == 0;
}

/* Memory that is mapped twice for a moment must not meet a limit that the job alone would not meet. */
static bool is_limited(void)
{
    struct rlimit limit;
    return getrlimit(RLIMIT_AS, &limit) != 0 || limit.rlim_max != RLIM_INFINITY;
}

/* Is it memory of another kind, as NOTE_MEMORY has it? */
static bool is_special(const struct image *image, const struct image_region *r)
{
    size_t size = 0;
    const struct image_memory *m = image_note(image, IMAGE_NOTE_NAME, NOTE_MEMORY, sizeof *m, &size);
    if (m == NULL || m->count > (size - sizeof *m) / sizeof *m->ranges)
        return m != NULL;
    for (const struct memory_range *range = m->ranges; range < m->ranges + m->count; range++)
        if ((range->flags & OTHER_KINDS) && range->start < r->end && range->end > r->start)
            return true;
    return false;
}

static bool is_wanted(const struct image *image, const struct image_region *r)
{
    uint64_t stack = (uint64_t)&image; /* a little above */
    return r->flags == REGION_STORED && r->end - r->start >= LEAST &&
           (r->start > stack || r->end < stack - OWN_STACK) && !is_special(image, r);
}

/* Maps its place, and puts there what has come of it already. */
static bool make_place(struct image_arrival *arrival, const struct image_region *r, uint64_t offset)
{
    uint64_t size = r->end - r->start, came = arrival->end > offset ? arrival->end - offset : 0;
    void *at = mmap((void *)r->start, size, PROT_READ | PROT_WRITE, // NOLINT: never harms what is there
                    MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE | MAP_FIXED_NOREPLACE, -1, 0);
    if (at == MAP_FAILED)
        return false;
    came = came < size ? came : size;
    if (at != (void *)r->start || pread(arrival->fd, at, came, (off_t)offset) != (ssize_t)came) { // NOLINT
        munmap(at, size);
        return false;
    }
    arrival->places[arrival->place_count++] = (struct arrival_place){offset, size, at};
    return true;
}

void places_choose(struct image_arrival *arrival)
{
    struct image image;
    char path[32];
    if (!has_head(arrival))
        return;
    arrival->chosen = true;
    snprintf(path, sizeof path, "/proc/self/fd/%d", arrival->fd);
    if (is_limited() || image_open(&image, path) != 0) /* what is wrong is said when all is here */
        return;
    for (size_t i = 0; i < image.region_count && arrival->place_count < MAX_HERE; i++)
        if (is_wanted(&image, &image.regions[i]))
            make_place(arrival, &image.regions[i], image.loads[i].p_offset);
    image_close(&image);
}

bool places_mark(const struct image_arrival *arrival, struct image *image)
{
    for (size_t i = 0; i < arrival->place_count; i++) {
        const struct arrival_place *p = &arrival->places[i];
        struct image_region *r = (struct image_region *)image_region_at(image, (uint64_t)p->to);
        if (r == NULL || r->start != (uint64_t)p->to || r->end - r->start != p->size || !is_wanted(image, r) ||
            image->loads[r - image->regions].p_offset != p->offset)
            return false;
        r->flags |= REGION_HERE;
    }
    return true;
}
