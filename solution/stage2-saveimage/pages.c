/* pages.c - the bytes of a region: which are worth storing, and writing all of them. */
#include "pages.h"
#include "sys.h"

/* /proc/PID/pagemap has 8 bytes for each page: Documentation/admin-guide/mm/pagemap.rst. */
#define PAGE_PRESENT (1UL << 63)
#define PAGE_SWAPPED (1UL << 62)
#define PAGE_OF_FILE (1UL << 61) /* a private page loses this bit when it is written to */

/*
 * The largest write(): a single one moves less than 2 GiB, and pieces of 2 MiB and more were measured to
 * be five times slower (DESIGN.md 5).
 */
#define LARGEST_WRITE (1UL << 20)

void pages_open(struct pagemap *map)
{
    *map = (struct pagemap){.fd = (int)sys_open("/proc/self/pagemap", O_RDONLY | O_CLOEXEC, 0)};
}

/* True if the page at `address` was written to; if the kernel does not tell: all were. */
static bool is_own(struct pagemap *map, uint64_t address)
{
    if (address < map->start || address >= map->end) {
        off_t offset = (off_t)(address / ARCH_PAGE_SIZE * sizeof *map->entries);
        long size = map->fd < 0 ? map->fd : sys_pread(map->fd, map->entries, sizeof map->entries, offset);
        if (size < (long)sizeof *map->entries)
            return true;
        map->start = address;
        map->end = address + (uint64_t)size / sizeof *map->entries * ARCH_PAGE_SIZE;
    }
    uint64_t entry = map->entries[(address - map->start) / ARCH_PAGE_SIZE];
    return (entry & PAGE_SWAPPED) || ((entry & PAGE_PRESENT) && !(entry & PAGE_OF_FILE));
}

/*
 * True if the page must be in the image.  An untouched page of anonymous memory need not: fresh memory is
 * zero as well.  One of a file (its name may be gone by now), or of the kernel, has bytes all the same; so has one
 * of shared memory, which has an inode as well: pagemap does not tell what was written through another mapping.
 */
static bool is_wanted(struct pagemap *map, const struct image_region *region, uint64_t address)
{
    return region->inode != 0 || (region->flags & REGION_KERNEL) || is_own(map, address);
}

bool pages_have_own(struct pagemap *map, const struct image_region *region)
{
    uint64_t at = region->start;
    while (at < region->end && !is_own(map, at))
        at += ARCH_PAGE_SIZE;
    return at < region->end;
}

/*
 * Writes size bytes of memory.  A page that cannot be read (EFAULT: it lies beyond the end of the file
 * that is mapped there) has no content; it is skipped, and stays a hole.
 */
static int write_all(int fd, uint64_t from, uint64_t size, uint64_t offset)
{
    //@ step 2.8 Write all bytes from address `from` to the file, at `offset`.
    //@ sys_pwrite() may write less than asked: go on behind what it wrote. -EINTR: try again.
    //@ -EFAULT: go on with the next page. 0 bytes or another error: return it (-EIO for 0). Adding up
    //@ return values without looking at their sign makes a loop that never ends.
    //@ stub: return 0;
    uint64_t done = 0;
    while (done < size) {
        long n = sys_pwrite(fd, (const void *)(from + done), size - done, (off_t)(offset + done)); // NOLINT
        if (n > 0)
            done += (uint64_t)n;
        else if (n == -EFAULT)
            done = (done / ARCH_PAGE_SIZE + 1) * ARCH_PAGE_SIZE;
        else if (n != -EINTR)
            return n == 0 ? -EIO : (int)n;
    }
    return 0;
    //@ end
}

int pages_write(int fd, struct pagemap *map, const struct image_region *r, uint64_t offset)
{
    uint64_t next, size = r->end - r->start;
    int error = 0;
    if (!(r->prot & PROT_READ)) /* a page may have content, and no permission to read it */
        error = (int)sys_mprotect(r->start, size, (int)r->prot | PROT_READ);
    for (uint64_t at = r->start; at < r->end && error == 0; at = next) {
        bool wanted = is_wanted(map, r, at); /* and so is the run of pages up to `next`, or is not */
        for (next = at + ARCH_PAGE_SIZE; next < r->end && next - at < LARGEST_WRITE; next += ARCH_PAGE_SIZE)
            if (is_wanted(map, r, next) != wanted)
                break;
        if (wanted)
            error = write_all(fd, at, next - at, offset + (at - r->start));
    }
    if (!(r->prot & PROT_READ))
        sys_mprotect(r->start, size, (int)r->prot);
    return error;
}
