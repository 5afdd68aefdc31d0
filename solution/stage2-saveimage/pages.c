/* pages.c - the bytes of a region: which are worth storing, and writing all of them. */
#include "pages.h"
#include "sys.h"

#include <errno.h>
#include <sys/mman.h>

/* /proc/PID/pagemap has 8 bytes for each page: Documentation/admin-guide/mm/pagemap.rst. */
#define PAGE_PRESENT (1UL << 63)
#define PAGE_SWAPPED (1UL << 62)
#define PAGE_OF_FILE (1UL << 61) /* a private page loses this bit when it is written to */

/*
 * Pages looked at in one go, 1 MiB.  That is also the largest write(): a single one moves less than
 * 2 GiB, and pieces of 2 MiB and more were measured to be five times slower (DESIGN.md 5).
 */
#define WINDOW 256
#define WINDOW_SIZE (WINDOW * ARCH_PAGE_SIZE)

static uint64_t window_end(uint64_t at, uint64_t end)
{
    return end - at < WINDOW_SIZE ? end : at + WINDOW_SIZE;
}

/* The entries of the pages in [start, end); if the kernel does not tell: all were written. */
static void read_pagemap(int pagemap, uint64_t start, uint64_t end, uint64_t entries[WINDOW])
{
    size_t size = (end - start) / ARCH_PAGE_SIZE * sizeof *entries;
    off_t offset = (off_t)(start / ARCH_PAGE_SIZE * sizeof *entries);
    if (pagemap >= 0 && sys_pread(pagemap, entries, size, offset) == (long)size)
        return;
    for (size_t i = 0; i < size / sizeof *entries; i++)
        entries[i] = PAGE_PRESENT;
}

static bool is_own(uint64_t entry)
{
    return (entry & PAGE_SWAPPED) || ((entry & PAGE_PRESENT) && !(entry & PAGE_OF_FILE));
}

bool pages_have_own(int pagemap, const struct image_region *region)
{
    uint64_t entries[WINDOW];
    uint64_t next;
    for (uint64_t at = region->start; at < region->end; at = next) {
        next = window_end(at, region->end);
        read_pagemap(pagemap, at, next, entries);
        for (size_t i = 0; i < (next - at) / ARCH_PAGE_SIZE; i++)
            if (is_own(entries[i]))
                return true;
    }
    return false;
}

/*
 * Writes size bytes of memory.  A page that cannot be read (EFAULT: it lies beyond the end of the file
 * that is mapped there) has no content; it is skipped, and stays a hole.
 */
static int write_all(int fd, uint64_t from, uint64_t size, uint64_t offset)
{
    //@ step 2.6 Write all bytes from address `from` to the file, at `offset`.
    //@ sys_pwrite() may write less than asked: go on behind what it wrote. -EINTR: try again.
    //@ -EFAULT: go on with the next page. 0 bytes or another error: return it (-EIO for 0). Adding up
    //@ return values without looking at their sign makes a loop that never ends.
    //@ stub: (void)fd, (void)from, (void)size, (void)offset;
    //@ stub: return -ENOSYS;
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

/* Writes the pages of one window: each run of neighbours that are wanted is one write. */
static int write_window(int fd, const uint64_t *entries, uint64_t start, uint64_t end, bool all, uint64_t offset)
{
    uint64_t run = start;
    for (uint64_t at = start; at <= end; at += ARCH_PAGE_SIZE) {
        bool wanted = at < end && (all || is_own(entries[(at - start) / ARCH_PAGE_SIZE]));
        if (wanted)
            continue;
        int error = at > run ? write_all(fd, run, at - run, offset + (run - start)) : 0;
        if (error != 0)
            return error;
        run = at + ARCH_PAGE_SIZE;
    }
    return 0;
}

static int write_windows(int fd, int pagemap, const struct image_region *r, uint64_t offset)
{
    uint64_t entries[WINDOW];
    bool all = r->flags & (REGION_FILE | REGION_KERNEL); /* their other pages are not zeros */
    uint64_t next;
    for (uint64_t at = r->start; at < r->end; at = next) {
        next = window_end(at, r->end);
        read_pagemap(pagemap, at, next, entries);
        int error = write_window(fd, entries, at, next, all, offset + (at - r->start));
        if (error != 0)
            return error;
    }
    return 0;
}

int pages_write(int fd, int pagemap, const struct image_region *region, uint64_t offset)
{
    bool readable = region->prot & PROT_READ;
    uint64_t size = region->end - region->start;
    if (!readable) {
        long error = sys_mprotect(region->start, size, (int)region->prot | PROT_READ);
        if (error != 0)
            return (int)error;
    }
    int error = write_windows(fd, pagemap, region, offset);
    if (!readable)
        sys_mprotect(region->start, size, (int)region->prot);
    return error;
}
