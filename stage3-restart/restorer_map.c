/*
 * restorer_map.c - brings back one region: map it, read its bytes, give it its protection.  No libc.
 *
 * Not here: the name that a program gave to anonymous memory (prctl(2), PR_SET_VMA_ANON_NAME; maps shows it as
 * "[anon:NAME]"), and what it told madvise(2) and mlock(2).  That is state of other kinds, for rooms of its own.
 */
#include "restorer.h"

#define LARGE_HOLE (256UL << 10) /* bytes */
#define PIECE (1L << 20)         /* bytes: pages made at once, and still in the cache when they are filled */

static int region_flags(const struct image_region *region)
{
    int kind = region->flags & REGION_SHARED ? MAP_SHARED :
               region->flags & REGION_DROPPABLE ? MAP_DROPPABLE : MAP_PRIVATE;
    int huge = MAP_HUGETLB | (int)(region->flags >> REGION_PAGE_SHIFT << MAP_HUGE_SHIFT);
    return MAP_FIXED | kind | (region->flags & REGION_FILE ? 0 : MAP_ANONYMOUS) |
           (region->flags & REGION_HUGE ? huge : region->flags & REGION_FILE ? 0 : MAP_NORESERVE) |
           (region->flags & REGION_GROWS_DOWN ? MAP_GROWSDOWN : 0);
}

/* Maps the region with `prot`, still without its bytes: fresh memory, or its file. */
static long map_fresh(const struct image_region *region, const char *name, int prot)
{
    /* TODO 3.3: Map one region at its own address.
     * region_flags() gives the flags; without MAP_FIXED the kernel takes the address for a hint. If the
     * region has REGION_FILE, sys_open() its file and map it at region->offset; close it again.
     * Return 0 or -errno; a mapping's answer is an address, so ask sys_failed(). */
    (void)region_flags;
    return -ENOSYS;
}

/* Reads size bytes at `offset` of the image to address `to`.  A short read is no success: go on. */
static long read_all(int image, uint64_t to, uint64_t size, uint64_t offset)
{
    /* TODO 3.4: Read all bytes.
     * sys_pread() may read less than asked: go on behind what it read. -EINTR: again. 0 is the end of the
     * file, which must not come here: return -EIO. */
    return -ENOSYS;
}

/*
 * Reads a region's bytes and leaves out the holes of the image: fresh memory is zero there already, and
 * to write zeros would cost memory.  lseek(2), SEEK_DATA and SEEK_HOLE; a file system that cannot tell
 * says that all is data.
 *
 *     image    |data|...hole...|data|..|
 *     region   |read| untouched|read|  |
 */
static long fill(int image, const struct image_region *region, uint64_t offset)
{
    uint64_t end = offset + (region->end - region->start);
    bool beyond = region->offset + (end - offset) >= region->file_size + ARCH_PAGE_SIZE;
    long error = 0, data = sys_lseek(image, (off_t)offset, SEEK_DATA);
    while (error == 0 && data >= 0 && (uint64_t)data < end) {
        /* In a page no hole is looked for: tmpfs would walk through the whole image for each of 5,000 regions. */
        long hole = end - (uint64_t)data > ARCH_PAGE_SIZE ? sys_lseek(image, data, SEEK_HOLE) : -1;
        if (hole < 0 || (uint64_t)hole > end)
            hole = (long)end;
        hole = hole - data > PIECE ? data + PIECE : hole;
        sys_populate(region->start + ((uint64_t)data - offset), (uint64_t)(hole - data));
        error = read_all(image, region->start + ((uint64_t)data - offset), (uint64_t)(hole - data), (uint64_t)data);
        data = sys_lseek(image, hole, SEEK_DATA);
    }
    if (error == -EFAULT && (region->flags & REGION_FILE) && beyond)
        return 0; /* behind the end of its file a mapping has no memory, so nothing to read */
    return error != 0 || data >= 0 || data == -ENXIO ? error : data; /* ENXIO: only a hole is left */
}

/*
 * A large hole of the image becomes fresh memory: so the next checkpoint of this life sees that nothing was written
 * there.  At the most 64 in a region, since each costs the process one; where it fails, the hole is zero as well.
 */
static void free_holes(const struct restorer *r, const struct image_region *region, uint64_t offset)
{
    uint64_t size = region->end - region->start, end = offset + size;
    long data = 0, hole = sys_lseek(r->image, (off_t)offset, SEEK_HOLE);
    for (; data >= 0 && hole >= 0 && (uint64_t)hole < end; hole = sys_lseek(r->image, data, SEEK_HOLE)) {
        data = sys_lseek(r->image, hole, SEEK_DATA);
        if (data == -ENXIO || (data >= 0 && (uint64_t)data > end))
            data = (long)end; /* nothing but a hole is left */
        uint64_t from = round_up((uint64_t)hole, ARCH_PAGE_SIZE);
        uint64_t to = data < 0 ? from : (uint64_t)data / ARCH_PAGE_SIZE * ARCH_PAGE_SIZE;
        if (to > from && to - from >= size / 64 && to - from >= LARGE_HOLE)
            sys_mmap(region->start + (from - offset), to - from, (int)region->prot,
                     MAP_PRIVATE | MAP_FIXED | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
    }
}

/* --lazy: the image's pages themselves become the region; they are read when they are touched. */
static bool map_from_image(const struct restorer *r, const struct image_region *region, uint64_t offset)
{
    uint32_t others = REGION_GROWS_DOWN | REGION_SHARED | REGION_HUGE;
    if (!r->lazy || !(region->flags & REGION_STORED) || (region->flags & others))
        return false; /* MAP_GROWSDOWN of a file is EINVAL; and shared memory must be no private copy */
    long at = sys_mmap(region->start, region->end - region->start, (int)region->prot, MAP_PRIVATE | MAP_FIXED,
                       r->image, (off_t)offset);
    if (sys_failed(at))
        return false; /* read it: no PROT_EXEC from a noexec file system, for one */
    free_holes(r, region, offset);
    return true;
}

long restore_region(const struct restorer *r, const struct image_region *region, uint64_t offset,
                    const char **doing)
{
    bool stored = region->flags & REGION_STORED;
    *doing = "set the permissions of ";
    if (region->flags & REGION_HERE)
        return sys_mprotect(region->start, region->end - region->start, (int)region->prot);
    if ((region->flags & REGION_KERNEL) || map_from_image(r, region, offset))
        return 0;
    int prot = (int)region->prot | (stored ? PROT_WRITE : 0); /* to be able to read into it */
    *doing = "map ";
    long error = map_fresh(region, r->names + region->name, prot);
    if (error != 0)
        return error;
    *doing = "read the bytes of ";
    if (stored && (error = fill(r->image, region, offset)) != 0)
        return error;
    arch_bytes_written(region->start, region->end - region->start, stored ? prot : PROT_NONE);
    *doing = "set the permissions of ";
    if (prot != (int)region->prot)
        error = sys_mprotect(region->start, region->end - region->start, (int)region->prot);
    return error;
}
