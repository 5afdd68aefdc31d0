//@ top
#include "my_helpers.h"

#include <sys/uio.h>
//@ end
//@ replace
/* Maps the region with `prot`, still without its bytes: fresh memory, or its file. */
//@ with
/* Maps anonymous memory or a file, without any permission at first. file is -1 for anonymous memory. */
static long my_map_without_permissions(const struct image_region *region, int file)
{
    uint64_t size = region->end - region->start;
    uint64_t offset = 0;
    long address;
    if (file >= 0) {
        offset = region->offset;
    }
    address = sys_mmap(region->start, size, PROT_NONE, region_flags(region), file, (off_t)offset);
    if (sys_failed(address)) {
        return address;
    }
    if ((uint64_t)address != region->start) {
        return -EEXIST; /* not where it should be */
    }
    return 0;
}

/* Maps the region with `prot`, still without its bytes: fresh memory, or its file. */
//@ end
//@ step 3.3
    bool has_a_file = my_has_bit(region->flags, REGION_FILE);
    uint64_t size = region->end - region->start;
    long error;
    if (has_a_file) {
        long file = sys_open(name, O_RDONLY | O_CLOEXEC, 0);
        if (file < 0) {
            return file;
        }
        error = my_map_without_permissions(region, (int)file);
        sys_close((int)file);
    } else {
        error = my_map_without_permissions(region, -1);
    }
    if (error != 0) {
        return error;
    }
    return sys_mprotect(region->start, size, prot);
//@ end
//@ replace
/* Reads size bytes at `offset` of the image to address `to`.  A short read is no success: go on. */
//@ with
/* Reads up to size bytes. It uses two buffers, which lie one behind the other. */
static long my_read_piece(int image, uint64_t to, uint64_t size, uint64_t offset)
{
    struct iovec halves[2];
    uint64_t size_of_first_half = size / 2;
    long result;
    halves[0].iov_base = (void *)to;
    halves[0].iov_len = size_of_first_half;
    halves[1].iov_base = (void *)(to + size_of_first_half);
    halves[1].iov_len = size - size_of_first_half;
    do {
        result = arch_syscall(SYS_preadv, image, (long)halves, 2, (long)offset, 0, 0);
    } while (result == -EINTR);
    return result;
}

/* Reads size bytes at `offset` of the image to address `to`.  A short read is no success: go on. */
//@ end
//@ step 3.4
    const uint64_t largest_piece = 256UL << 10;
    while (size > 0) {
        long bytes_read = my_read_piece(image, to, my_smaller_size(size, largest_piece), offset);
        if (bytes_read < 0) {
            return bytes_read;
        }
        if (bytes_read == 0) {
            return -EIO;
        }
        size = size - (uint64_t)bytes_read;
        to = to + (uint64_t)bytes_read;
        offset = offset + (uint64_t)bytes_read;
    }
    return 0;
//@ end
