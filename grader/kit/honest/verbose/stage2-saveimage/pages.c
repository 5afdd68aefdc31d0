//@ top
#include "my_helpers.h"

#include <sys/uio.h>
//@ end
//@ replace
/*
 * Writes size bytes of memory.  A page that cannot be read (EFAULT: it lies beyond the end of the file
 * that is mapped there) has no content; it is skipped, and stays a hole.
 */
//@ with
/* Tries to write one piece. Returns how many bytes were written, or an error. */
static long my_write_piece(int fd, uint64_t address, uint64_t size, uint64_t offset)
{
    struct iovec piece;
    long result;
    piece.iov_base = (void *)address;
    piece.iov_len = size;
    do {
        result = arch_syscall(SYS_pwritev, fd, (long)&piece, 1, (long)offset, 0, 0);
    } while (result == -EINTR);
    return result;
}

/*
 * Writes size bytes of memory, never more than one page at a time. A page that cannot be read (EFAULT: it lies
 * beyond the end of the file that is mapped there) has no content; it is skipped, and stays a hole.
 */
//@ end
//@ step 2.8
    uint64_t bytes_left = size;
    uint64_t current_address = from;
    uint64_t current_offset = offset;
    while (bytes_left > 0) {
        uint64_t size_of_piece = my_smaller_size(bytes_left, my_bytes_to_end_of_page(current_address));
        long result = my_write_piece(fd, current_address, size_of_piece, current_offset);
        uint64_t bytes_done;
        if (result == -EFAULT) {
            bytes_done = size_of_piece; /* skip it */
        } else if (result < 0) {
            return (int)result;
        } else if (result == 0) {
            return -EIO;
        } else {
            bytes_done = (uint64_t)result;
        }
        bytes_left = bytes_left - bytes_done;
        current_address = current_address + bytes_done;
        current_offset = current_offset + bytes_done;
    }
    return 0;
//@ end
