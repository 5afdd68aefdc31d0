/*
 * remote_image.c - the job leaves, and its image goes home: as frames (frame.h), in a pipe from which the keeper
 * passes them on.  Nothing of it is kept on this machine.
 *
 * Large runs of pages are not copied: the pipe shows them as they are (vmsplice(2)), even when this process is
 * gone.  So nobody may write there any more; what we may write ourselves until the end is copied.
 * Async-signal-safe.
 */
#include "frame.h"
#include "library.h"
#include "libc.h"
#include "remote.h"
#include "sys.h"

#include <sys/uio.h>

#define LEAST (128UL << 10) /* bytes: of smaller runs copies are as cheap */

/* Where this library begins and ends: ld(1) defines them. */
extern const char __ehdr_start[] __attribute__((visibility("hidden")));
extern const char _end[] __attribute__((visibility("hidden")));

static bool cannot_show; /* vmsplice(2) */

/* One page that cannot be read (it lies behind the end of its file) is zeros there. */
static long send_zeros(uint64_t from, uint64_t size)
{
    static const char zeros[ARCH_PAGE_SIZE];
    uint64_t page = ARCH_PAGE_SIZE - from % ARCH_PAGE_SIZE;
    return sys_call(SYS_write, remote_life.image, (long)zeros, (long)(page < size ? page : size), 0);
}

static long send_some(uint64_t from, uint64_t size, bool show)
{
    struct iovec piece = {(void *)from, size}; // NOLINT: an address becomes a pointer here
    long n = -ENOSYS;
    if (show && !cannot_show)
        n = sys_call(SYS_vmsplice, remote_life.image, (long)&piece, 1, 0);
    cannot_show |= n < 0 && n != -EFAULT && n != -EINTR && show;
    return cannot_show || !show ? sys_call(SYS_write, remote_life.image, (long)from, (long)size, 0) : n;
}

static int send_all(uint64_t from, uint64_t size, bool show)
{
    while (size > 0) {
        long n = send_some(from, size, show);
        if (n == -EFAULT)
            n = send_zeros(from, size);
        if (n < 0 && n != -EINTR)
            return (int)n;
        from += n > 0 ? (uint64_t)n : 0;
        size -= n > 0 ? (uint64_t)n : 0;
    }
    return 0;
}

static int send_frame(uint32_t kind, uint64_t number, uint64_t from, uint64_t size, bool show)
{
    struct {
        struct frame frame;
        uint64_t number;
    } head = {{.kind = kind, .size = (uint32_t)(sizeof number + size)}, number};
    int error = send_all((uint64_t)&head, sizeof head, false);
    return error == 0 ? send_all(from, size, show) : error;
}

/* May these pages still change?  Our stack and our variables do. */
static bool is_still(uint64_t from, uint64_t size)
{
    uint64_t stack = (uint64_t)__builtin_frame_address(0), start = (uint64_t)__ehdr_start, end = (uint64_t)_end;
    return (stack < from || stack >= from + size) && (end <= from || start >= from + size);
}

int library_remote_bytes(uint64_t from, uint64_t size, uint64_t offset)
{
    int error = 0;
    bool show = size >= LEAST && is_still(from, size);
    for (uint64_t done = 0; done < size && error == 0; done += FRAME_DATA) {
        uint64_t part = size - done < FRAME_DATA ? size - done : FRAME_DATA;
        error = send_frame(FRAME_IMAGE, offset + done, from + done, part, show);
    }
    return error;
}

/*
 * At our end the kernel would look through the robust list (get_robust_list(2)), and write "its owner died" into
 * locks whose pages the pipe still shows.  So there is no list at the end.
 */
int library_remote_whole(uint64_t size)
{
    uint64_t list = 0, length = 0;
    if (sys_call(SYS_get_robust_list, 0, (long)&list, (long)&length, 0) == 0 && list != 0)
        sys_call(SYS_set_robust_list, 0, (long)length, 0, 0);
    int error = send_frame(FRAME_START, size, 0, 0, false);
    if (error != 0 && list != 0)
        sys_call(SYS_set_robust_list, (long)list, (long)length, 0, 0);
    return error;
}
