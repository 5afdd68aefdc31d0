/* pages.c - the bytes of a region: which are worth storing, and writing all of them. */
#include "pages.h"
#include "sys.h"

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

int pages_open(void)
{
    return (int)sys_open("/proc/self/pagemap", O_RDONLY | O_CLOEXEC, 0);
}

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
    uint64_t entries[WINDOW], next;
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

/* Writes one window: each run of neighbouring pages that are wanted is one write. */
static int write_window(int fd, const uint64_t *entries, uint64_t start, uint64_t end, bool all, uint64_t offset)
{
    int error = 0;
    uint64_t run = start; /* where the run of wanted pages began */
    for (uint64_t at = start; at <= end && error == 0; at += ARCH_PAGE_SIZE) {
        if (at < end && (all || is_own(entries[(at - start) / ARCH_PAGE_SIZE])))
            continue;
        if (at > run)
            error = write_all(fd, run, at - run, offset + (run - start));
        run = at + ARCH_PAGE_SIZE;
    }
    return error;
}

int pages_write(int fd, int pagemap, const struct image_region *r, uint64_t offset)
{
    uint64_t entries[WINDOW], next, size = r->end - r->start;
    bool all = r->flags & (REGION_FILE | REGION_KERNEL); /* their untouched pages are not zeros */
    int error = 0;
    if (!(r->prot & PROT_READ)) /* a page may have content, and no permission to read it */
        error = (int)sys_mprotect(r->start, size, (int)r->prot | PROT_READ);
    for (uint64_t at = r->start; at < r->end && error == 0; at = next) {
        next = window_end(at, r->end);
        read_pagemap(pagemap, at, next, entries);
        error = write_window(fd, entries, at, next, all, offset + (at - r->start));
    }
    if (!(r->prot & PROT_READ))
        sys_mprotect(r->start, size, (int)r->prot);
    return error;
}
