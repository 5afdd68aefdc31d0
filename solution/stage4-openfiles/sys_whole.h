/*
 * sys_whole.h - pread(2) and pwrite(2) to their end: in as many calls as it takes.  Async-signal-safe.
 *
 * Each returns 0, or a negative errno; -EIO if the file ends before (read) or nothing more goes in (write).  How
 * far it came is then unknown.  `size` and `offset` are in bytes.
 */
#ifndef CKPT_SYS_WHOLE_H
#define CKPT_SYS_WHOLE_H

#include "sys.h"

static inline long sys_pread_whole(int fd, void *to, uint64_t size, uint64_t offset)
{
    for (uint64_t done = 0; done < size;) {
        long n = sys_pread(fd, (char *)to + done, size - done, (off_t)(offset + done));
        if (n <= 0 && n != -EINTR)
            return n == 0 ? -EIO : n;
        done += n > 0 ? (uint64_t)n : 0;
    }
    return 0;
}

static inline long sys_pwrite_whole(int fd, const void *from, uint64_t size, uint64_t offset)
{
    for (uint64_t done = 0; done < size;) {
        long n = sys_pwrite(fd, (const char *)from + done, size - done, (off_t)(offset + done));
        if (n <= 0 && n != -EINTR)
            return n == 0 ? -EIO : n;
        done += n > 0 ? (uint64_t)n : 0;
    }
    return 0;
}

#endif
