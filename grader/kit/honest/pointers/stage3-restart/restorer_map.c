/*
 * restorer_map.c - the three passes of passes.h. While a region is to be read it is writable; the permissions
 * that it had come last, when all bytes of all regions are there. No libc.
 */
#include "passes.h"

#define SIZE_OF(region) ((region)->end - (region)->start)

/* Its pages are those of the image. Code is always read: the image may lie on a noexec file system. */
static bool is_lazy(const struct restorer *r, const struct image_region *region)
{
    return r->lazy && (region->flags & REGION_STORED) && !(region->flags & REGION_GROWS_DOWN) &&
           !(region->prot & PROT_EXEC);
}

/* True if the region gets its bytes by reading. */
static bool is_read(const struct restorer *r, const struct image_region *region)
{
    return (region->flags & (REGION_STORED | REGION_KERNEL)) == REGION_STORED && !is_lazy(r, region);
}

long pass_map(const struct restorer *r, const struct image_region *region, const Elf64_Phdr *load)
{
    int fd = -1, flags = MAP_FIXED, prot = (int)region->prot;
    off_t offset = 0;
    long at = 0;
    if (region->flags & REGION_KERNEL)
        goto out;
    flags |= region->flags & REGION_SHARED ? MAP_SHARED : MAP_PRIVATE;
    if (is_lazy(r, region)) {
        fd = r->image;
        offset = (off_t)load->p_offset;
    } else if (region->flags & REGION_FILE) {
        if ((fd = (int)(at = sys_open(r->names + region->name, O_RDONLY | O_CLOEXEC, 0))) < 0)
            goto out;
        offset = (off_t)region->offset;
    } else {
        flags |= MAP_ANONYMOUS | MAP_NORESERVE;
    }
    if (region->flags & REGION_GROWS_DOWN)
        flags |= MAP_GROWSDOWN;
    if (is_read(r, region))
        prot |= PROT_READ | PROT_WRITE;
    at = sys_mmap(region->start, SIZE_OF(region), prot, flags, fd, offset);
    if (fd >= 0 && fd != r->image)
        sys_close(fd);
out:
    return sys_failed(at) ? at : 0;
}

/* Reads from `p` to `end`. A page behind the end of a mapped file has no memory: EFAULT, and is left out. */
static long read_between(const struct restorer *r, char *p, const char *end, off_t from, bool of_file)
{
    long n;
    for (; p < end; p += n, from += n) {
        n = sys_pread(r->image, p, (size_t)(end - p), from);
        if (n == -EINTR)
            n = 0;
        else if (n == -EFAULT && of_file)
            n = (long)(ARCH_PAGE_SIZE - (uint64_t)p % ARCH_PAGE_SIZE);
        else if (n <= 0)
            return n < 0 ? n : -EIO;
    }
    return 0;
}

long pass_read(const struct restorer *r, const struct image_region *region, const Elf64_Phdr *load)
{
    const off_t first = (off_t)load->p_offset, last = first + (off_t)load->p_filesz;
    char *const base = (char *)region->start;
    off_t data, hole = first;
    long e = 0;
    if (!is_read(r, region))
        return 0;
    while (e == 0 && hole < last) {
        data = sys_lseek(r->image, hole, SEEK_DATA);
        if (data == -ENXIO || data >= last) /* only zeros are left, and they are there */
            break;
        if (data < 0)
            return data;
        hole = sys_lseek(r->image, data, SEEK_HOLE);
        if (hole < 0 || hole > last)
            hole = last;
        e = read_between(r, base + (data - first), base + (hole - first), data, region->flags & REGION_FILE);
    }
    return e;
}

long pass_protect(const struct restorer *r, const struct image_region *region, const Elf64_Phdr *load)
{
    const int both = PROT_READ | PROT_WRITE, prot = (int)region->prot;
    if (!is_read(r, region) || (prot & both) == both)
        return 0;
    return sys_mprotect(load->p_vaddr, SIZE_OF(region), prot);
}
