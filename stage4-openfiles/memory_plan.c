/*
 * memory_plan.c - before anything is destroyed: which regions are mapped in another way than others are, and which
 * will not be what they were.
 *
 *     grows downwards    MAP_GROWSDOWN    a stack that the program made by itself
 *     huge pages         MAP_HUGETLB      if there are enough; the kernel has a pool of each size
 *     droppable          MAP_DROPPABLE    comes back empty: the kernel may drop it at any time, so the program
 *                                         expects that.  (It is where libc's random numbers come from, from glibc
 *                                         2.41 on: two restarts of one image must not draw the same ones.)
 *     guards             madvise(2)       an older kernel has PROT_NONE in their place
 *     landing pads       PROT_BTI         aarch64; a processor may have none
 *     userfaultfd, protection keys, tags (PROT_MTE)        not brought back
 */
#include "memory_plan.h"
#include "image_memory.h"
#include "image_mutexes.h"
#include "image_numa.h"

#include <linux/mempolicy.h>

/* Says what will be otherwise.  One line for each range: there are few. */
static bool name_loss(const struct memory_range *range, const char *loss)
{
    warnx("memory at %lx-%lx %s", range->start, range->end, loss);
    return true;
}

/* Can this kernel map so many bytes in such a way?  They are reserved for a moment. */
static bool can_map(size_t size, int flags)
{
    void *at = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_ANONYMOUS | flags, -1, 0);
    if (at != MAP_FAILED)
        munmap(at, size);
    return at != MAP_FAILED;
}

static bool can_guard(void)
{
    void *at = mmap(NULL, ARCH_PAGE_SIZE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    bool can = at != MAP_FAILED && madvise(at, ARCH_PAGE_SIZE, MADV_GUARD_INSTALL) == 0;
    if (at != MAP_FAILED)
        munmap(at, ARCH_PAGE_SIZE);
    return can;
}

static bool can_land(void)
{
    int prot = PROT_READ | PROT_EXEC | ARCH_PROT_LANDING;
    void *at = mmap(NULL, ARCH_PAGE_SIZE, prot, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (at != MAP_FAILED)
        munmap(at, ARCH_PAGE_SIZE);
    return at != MAP_FAILED;
}

/* Are there pages for all ranges whose pages have this size?  A file's region has those of its file. */
static bool enough_huge_pages(const struct image_memory *m, uint32_t page_shift)
{
    size_t size = 0;
    for (const struct memory_range *range = m->ranges; range < m->ranges + m->count; range++)
        if ((range->flags & MEMORY_HUGE) && MEMORY_PAGE(range->flags) == page_shift)
            size += range->end - range->start;
    return can_map(size, MAP_PRIVATE | MAP_HUGETLB | (int)(page_shift << MAP_HUGE_SHIFT));
}

/* Adds flags to all regions of a range, and takes others away. */
static void set_flags(struct image *image, const struct memory_range *range, uint32_t add, uint32_t remove)
{
    for (struct image_region *r = image->regions; r < image->regions + image->region_count; r++)
        if (r->start >= range->start && r->end <= range->end && !(r->flags & (REGION_FILE | REGION_SHARED)))
            r->flags = (r->flags | add) & ~remove;
}

/* What a range is made of.  True: it will not be as it was. */
static bool plan_kind(struct image *image, const struct image_memory *m, const struct memory_range *range)
{
    uint32_t page_shift = MEMORY_PAGE(range->flags);
    if (range->flags & MEMORY_GROWS_DOWN)
        set_flags(image, range, REGION_GROWS_DOWN, 0);
    if (range->flags & MEMORY_HUGE) {
        if (!enough_huge_pages(m, page_shift))
            return name_loss(range, "had huge pages, of which there are too few free here: it will have small ones "
                             "(/sys/kernel/mm/hugepages)");
        set_flags(image, range, REGION_HUGE | page_shift << REGION_PAGE_SHIFT, 0);
    }
    if (range->flags & MEMORY_DROPPABLE) {
        bool can = can_map(ARCH_PAGE_SIZE, MAP_DROPPABLE);
        set_flags(image, range, can ? REGION_DROPPABLE : 0, REGION_STORED);
        return !can &&
               name_loss(range, "was droppable (MAP_DROPPABLE, Linux 6.11): it will be like other memory");
    }
    return false;
}

static bool plan_range(struct image *image, const struct image_memory *m, const struct memory_range *range)
{
    bool differs = plan_kind(image, m, range);
    if ((range->flags & MEMORY_GUARD) && !can_guard())
        differs = name_loss(range, "is a guard (MADV_GUARD_INSTALL, Linux 6.13): it will be PROT_NONE");
    if (range->flags & MEMORY_USERFAULT)
        differs = name_loss(range, "was registered with a userfaultfd(2): it will not be");
    if ((range->flags & MEMORY_LANDING) && !can_land())
        differs = name_loss(range, "had landing pads (PROT_BTI), which this processor has not: it will have none");
    if (range->flags & MEMORY_TAGGED)
        differs = name_loss(range, "had tags (PROT_MTE): it will have none, and wrong pointers are not caught");
    if (MEMORY_KEY(range->flags) != 0)
        differs = name_loss(range, "had a protection key (pkeys(7)): it will have none");
    return differs;
}

static int plan_ranges(struct image *image)
{
    size_t size = 0;
    const struct image_memory *m = image_note(image, IMAGE_NOTE_NAME, NOTE_MEMORY, sizeof *m, &size);
    int differences = 0;
    if (m == NULL || m->count > (size - sizeof *m) / sizeof *m->ranges)
        return 0; /* the restorer refuses the second */
    for (const struct memory_range *range = m->ranges; range < m->ranges + m->count; range++)
        differences += plan_range(image, m, range);
    return differences;
}

/* Each policy is tried on a page of our own: the nodes may not be there, or not be allowed. */
static bool plan_policies(const struct image *image)
{
    size_t size = 0;
    const struct numa_policy *p = image_note(image, IMAGE_NOTE_NAME, NOTE_NUMA, sizeof *p, &size);
    void *page = mmap(NULL, ARCH_PAGE_SIZE, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    unsigned refused = 0;
    for (size_t i = 0; p != NULL && i < size / sizeof *p; i++)
        refused += p[i].mode != MPOL_DEFAULT &&
                   syscall(SYS_mbind, page, ARCH_PAGE_SIZE, p[i].mode, p[i].nodes, NUMA_NODES + 1, 0) != 0;
    munmap(page, ARCH_PAGE_SIZE);
    if (refused > 0)
        warnx("%u NUMA policies (mbind(2)) cannot be had here: the memory may lie on any node", refused);
    return refused > 0;
}

/* Those beyond keep the first life's thread id. */
static bool plan_locks(const struct image *image)
{
    size_t size = 0;
    const struct image_mutexes *m = image_note(image, IMAGE_NOTE_NAME, NOTE_MUTEXES, sizeof *m, &size);
    bool more = m != NULL && m->count > MUTEXES_MOST;
    if (more)
        warnx("more than %d locks were held: for the others it is a stranger who holds them, and it may wait for "
              "ever", MUTEXES_MOST);
    return more;
}

int memory_plan(struct image *image)
{
    return plan_ranges(image) + plan_policies(image) + plan_locks(image);
}
