/* pages.c - the bytes of a region: which are worth storing, and writing all of them. */
#include "pages.h"
#include "library.h"
#include "sys.h"

/*
 * The largest write(): a single one moves less than 2 GiB, and pieces of 2 MiB and more were measured to
 * be five times slower.
 */
#define LARGEST_WRITE (1UL << 20)

/*
 * The next run of pages from `from` on that must be in the image.  An untouched page of anonymous memory need not:
 * fresh memory is zero as well.  One of a file (its name may be gone by now), or of the kernel, has bytes all the
 * same; so has one of shared memory, which has an inode as well: the kernel does not tell what was written through
 * another mapping.
 */
static bool next_wanted(struct pagemap *map, const struct image_region *r, uint64_t from, struct page_run *run)
{
    *run = (struct page_run){.start = from, .end = r->end};
    if (r->inode != 0 || (r->flags & REGION_KERNEL))
        return from < r->end;
    return page_runs_next(map, from, r->end, run);
}

bool pages_have_own(struct pagemap *map, const struct image_region *region)
{
    struct page_run run;
    return page_runs_next(map, region->start, region->end, &run);
}

/*
 * Writes size bytes of memory.  A page that cannot be read (EFAULT: it lies beyond the end of the file
 * that is mapped there) has no content; it is skipped, and stays a hole.
 */
static int write_all(int fd, uint64_t from, uint64_t size, uint64_t offset)
{
    /* TODO 2.8: Write all bytes from address `from` to the file, at `offset`.
     * sys_pwrite() may write less than asked: go on behind what it wrote. -EINTR: try again.
     * -EFAULT: go on with the next page. 0 bytes or another error: return it (-EIO for 0). Adding up
     * return values without looking at their sign makes a loop that never ends. */
    return 0;
}

/* LARGEST_WRITE at a time. */
int pages_write_run(int fd, const struct page_run *run, uint64_t offset)
{
    int error = 0;
    for (uint64_t at = run->start; at < run->end && error == 0; at += LARGEST_WRITE) {
        uint64_t size = run->end - at < LARGEST_WRITE ? run->end - at : LARGEST_WRITE;
        uint64_t to = offset + (at - run->start);
        error = fd == IMAGE_ELSEWHERE ? library_remote_bytes(at, size, to) : write_all(fd, at, size, to);
    }
    return error;
}

int pages_write(int fd, struct pagemap *map, const struct image_region *r, uint64_t offset)
{
    struct page_run run;
    uint64_t size = r->end - r->start;
    int error = 0;
    map->anonymous = r->inode == 0 && !(r->flags & REGION_LAZY);
    if (!(r->prot & PROT_READ)) /* a page may have content, and no permission to read it */
        error = (int)sys_mprotect(r->start, size, (int)r->prot | PROT_READ);
    for (uint64_t at = r->start; error == 0 && next_wanted(map, r, at, &run); at = run.end)
        error = pages_write_run(fd, &run, offset + (run.start - r->start));
    if (!(r->prot & PROT_READ))
        sys_mprotect(r->start, size, (int)r->prot);
    return error;
}
