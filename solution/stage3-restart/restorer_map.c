/* restorer_map.c - brings back one region: map it, read its bytes, give it its protection.  No libc. */
#include "restorer.h"
#include "sys.h"

#include <errno.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <unistd.h>

/* Linux 5.17; older headers and kernels lack it: an anonymous region's name, "[anon:NAME]". */
#define CKPT_PR_SET_VMA 0x53564d41
#define CKPT_PR_SET_VMA_ANON_NAME 0

/* Complains about one region; returns the error. */
static long region_error(const struct restorer *r, const struct image_region *region, const char *step, long error)
{
    struct out o;
    out_init(&o, 2);
    out_printf(&o, "restart: %s %lx-%lx %s: %s\n", step, region->start, region->end, r->names + region->name,
               out_error_text(-error));
    out_flush(&o);
    return error;
}

static int region_flags(const struct image_region *region)
{
    int flags = MAP_FIXED | (region->flags & REGION_SHARED ? MAP_SHARED : MAP_PRIVATE);
    if (!(region->flags & REGION_FILE))
        flags |= MAP_ANONYMOUS | MAP_NORESERVE;
    if (region->flags & REGION_GROWS_DOWN)
        flags |= MAP_GROWSDOWN;
    return flags;
}

/* Maps the region with `prot`, still without its bytes: fresh memory, or its file. */
static long map_fresh(const struct restorer *r, const struct image_region *region, int prot)
{
    //@ step 3.3 Map one region at its own address.
    //@ region_flags() gives the flags; without MAP_FIXED the kernel takes the address for a hint. If the
    //@ region has REGION_FILE, open its file (r->names + region->name) and map it at region->offset; close it.
    //@ Return 0 or -errno; a mapping's answer is an address, so ask sys_failed().
    //@ stub: (void)r, (void)region, (void)prot, (void)region_flags;
    //@ stub: return -ENOSYS;
    bool file = region->flags & REGION_FILE;
    long fd = -1;
    if (file) {
        fd = sys_open(r->names + region->name, O_RDONLY | O_CLOEXEC, 0);
        if (fd < 0)
            return fd;
    }
    long at = sys_mmap(region->start, region->end - region->start, prot, region_flags(region), (int)fd,
                       file ? (off_t)region->offset : 0);
    if (file)
        sys_close((int)fd);
    return sys_failed(at) ? at : 0;
    //@ end
}

/* Reads size bytes at `offset` of the image to address `to`.  A short read is no success: go on. */
static long read_all(int image, uint64_t to, uint64_t size, uint64_t offset)
{
    //@ step 3.4 Read all bytes.
    //@ sys_pread() may read less than asked: go on behind what it read. -EINTR: again. 0 is the end of the
    //@ file, which must not come here: return -EIO.
    //@ stub: (void)image, (void)to, (void)size, (void)offset;
    //@ stub: return -ENOSYS;
    uint64_t done = 0;
    while (done < size) {
        long n = sys_pread(image, (void *)(to + done), size - done, (off_t)(offset + done)); // NOLINT
        if (n == -EINTR)
            continue;
        if (n <= 0)
            return n == 0 ? -EIO : n;
        done += (uint64_t)n;
    }
    return 0;
    //@ end
}

/*
 * Reads a region's bytes and leaves out the holes of the image: fresh memory is zero there already, and
 * to write zeros would cost memory.  lseek(2), SEEK_DATA and SEEK_HOLE; a file system that cannot tell
 * says that all is data.
 *
 *     image    |data|...hole...|data|..|
 *     region   |read| untouched|read|  |
 */
static long fill(const struct restorer *r, const struct image_region *region, uint64_t offset)
{
    uint64_t end = offset + (region->end - region->start);
    for (uint64_t at = offset; at < end;) {
        long data = sys_lseek(r->image, (off_t)at, SEEK_DATA);
        if (data == -ENXIO || (data >= 0 && (uint64_t)data >= end))
            return 0;
        long hole = data < 0 ? data : sys_lseek(r->image, data, SEEK_HOLE);
        if (hole < 0)
            return hole;
        uint64_t stop = (uint64_t)hole < end ? (uint64_t)hole : end;
        long error = read_all(r->image, region->start + ((uint64_t)data - offset), stop - (uint64_t)data, (uint64_t)data);
        if (error != 0)
            return error;
        at = stop;
    }
    return 0;
}

/* --lazy: the image's pages themselves become the region; they are read when they are touched. */
static bool map_from_image(const struct restorer *r, const struct image_region *region, uint64_t offset)
{
    if (!r->lazy || (region->flags & REGION_GROWS_DOWN)) /* MAP_GROWSDOWN of a file is EINVAL */
        return false;
    long at = sys_mmap(region->start, region->end - region->start, (int)region->prot, MAP_PRIVATE | MAP_FIXED,
                       r->image, (off_t)offset);
    return !sys_failed(at); /* else read it: no PROT_EXEC from a noexec file system, for one */
}

static void set_name(const struct image_region *region, const char *name)
{
    char plain[81]; /* at most 80 bytes, prctl(2) */
    size_t length = strlen(name);
    if (strncmp(name, "[anon:", 6) != 0 || length < 8 || length - 7 >= sizeof plain)
        return;
    memcpy(plain, name + 6, length - 7);
    plain[length - 7] = '\0';
    sys_call5(SYS_prctl, CKPT_PR_SET_VMA, CKPT_PR_SET_VMA_ANON_NAME, (long)region->start,
              (long)(region->end - region->start), (long)plain);
}

long restore_region(const struct restorer *r, size_t i)
{
    const struct image_region *region = &r->regions[i];
    bool stored = region->flags & REGION_STORED;
    if (region->flags & REGION_KERNEL)
        return 0;
    if (stored && map_from_image(r, region, r->offsets[i]))
        return 0;
    int prot = (int)region->prot | (stored ? PROT_WRITE : 0); /* to be able to read into it */
    long error = map_fresh(r, region, prot);
    if (error != 0)
        return region_error(r, region, "cannot map", error);
    error = stored ? fill(r, region, r->offsets[i]) : 0;
    if (error != 0)
        return region_error(r, region, "cannot read the bytes of", error);
    if (prot != (int)region->prot)
        error = sys_mprotect(region->start, region->end - region->start, (int)region->prot);
    if (error != 0)
        return region_error(r, region, "cannot protect", error);
    set_name(region, r->names + region->name);
    return 0;
}
