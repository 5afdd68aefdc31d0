/*
 * write_tracking.c - see write_tracking.h.  Its numbers are those of <linux/userfaultfd.h>; Debian 12's lacks some.
 */
#include "write_tracking.h"
#include "sys.h"

#define USER_MODE_ONLY 1 /* what nobody needs a privilege for */
#define API 0xAA
#define WP_ASYNC (1UL << 15) /* Linux 6.7, as PAGEMAP_SCAN, by which page_runs.c asks */
#define MODE_WP 2UL

struct api {
    uint64_t api, features, ioctls;
};
struct range {
    uint64_t start, size;
};
struct registration {
    struct range range;
    uint64_t mode, ioctls;
};
struct protection {
    struct range range;
    uint64_t mode;
};
#define SET_API _IOWR(API, 0x3F, struct api)
#define REGISTER _IOWR(API, 0x00, struct registration)
#define UNREGISTER _IOR(API, 0x01, struct range)
#define PROTECT _IOWR(API, 0x06, struct protection)

#define PROTECT_AT_ONCE (32UL << 20)
#define SCAN_CHECKS 2UL /* a flag: EPERM if not all of it is tracked */
#define FREE_AT_ONCE (1UL << 20)   /* bytes: some 10 us, where page tables are the processor's own */
#define FORGET_AT_ONCE (64UL << 20)

long tracking_open(void)
{
    struct api api = {.api = API, .features = WP_ASYNC};
    long fd = sys_call(SYS_userfaultfd, O_CLOEXEC | O_NONBLOCK | USER_MODE_ONLY, 0, 0, 0);
    if (fd < 0)
        return fd;
    long error = sys_call(SYS_ioctl, fd, (long)SET_API, (long)&api, 0);
    if (error == 0)
        return fd;
    sys_close((int)fd);
    return error;
}

long tracking_possible(void)
{
    long fd = tracking_open();
    if (fd < 0)
        return fd;
    sys_close((int)fd);
    fd = sys_open("/proc/self/pagemap", O_RDONLY | O_CLOEXEC, 0);
    if (fd < 0)
        return fd;
    struct scan_request request = {.size = sizeof request, .flags = SCAN_PROTECTS}; /* of nothing */
    long count = sys_call(SYS_ioctl, fd, (long)SCAN, (long)&request, 0);
    sys_close((int)fd);
    return count < 0 ? count : 0;
}

bool tracking_protect(struct pagemap *map, uint64_t from, uint64_t end)
{
    struct scan_request request = {
        .size = sizeof request, .flags = SCAN_PROTECTS, .start = from,
        .end = end - from < PROTECT_AT_ONCE ? end : from + PROTECT_AT_ONCE,
        .runs = (uint64_t)map->runs, .runs_room = PAGE_RUNS_AHEAD,
        .inverted = SCAN_ZERO, .all = SCAN_ZERO | PAGE_RUN_WRITTEN,
        .any = SCAN_PRESENT | PAGE_RUN_SWAPPED, .told = PAGE_RUN_WRITTEN,
    };
    long count = sys_call(SYS_ioctl, map->fd, (long)SCAN, (long)&request, 0);
    if (count < 0) { /* some may be protected now: all are told */
        map->runs[0] = (struct page_run){from, request.end, SCAN_PRESENT};
        request.walked = request.end;
    }
    map->count = count >= 0 ? (size_t)count : 1;
    map->end = request.walked;
    return true;
}

/* Calls ioctl `request` for each piece.  0 or the last -errno: a part of that piece is not tracked, or no more. */
static long in_pieces(int tracker, uint64_t start, uint64_t end, unsigned long request, uint64_t piece)
{
    long error = 0;
    for (uint64_t at = start; at < end; at += piece) {
        struct protection part = {{at, end - at < piece ? end - at : piece}, 0};
        long result = sys_call(SYS_ioctl, tracker, (long)request, (long)&part, 0);
        error = result != 0 ? result : error;
    }
    return error;
}

void tracking_mark(int tracker, uint64_t start, uint64_t end)
{
    in_pieces(tracker, start, end, PROTECT, FREE_AT_ONCE); /* mode 0: the protection goes */
}

/* Signs of an earlier tracker go.  If the program maps memory meanwhile, some may stay, and would lie. */
static long add(int tracker, uint64_t start, uint64_t end, bool is_new)
{
    struct registration registration = {{start, end - start}, MODE_WP, 0};
    long error = sys_call(SYS_ioctl, tracker, (long)REGISTER, (long)&registration, 0);
    if (error != 0 || !is_new)
        return error;
    error = in_pieces(tracker, start, end, PROTECT, FREE_AT_ONCE);
    if (error != 0)
        in_pieces(tracker, start, end, UNREGISTER, FORGET_AT_ONCE);
    return error;
}

long tracking_add(int tracker, uint64_t start, uint64_t end)
{
    return add(tracker, start, end, true);
}

bool tracking_has(int pagemap, uint64_t start, uint64_t end)
{
    struct page_run run;
    struct scan_request request = {
        .size = sizeof request, .flags = SCAN_CHECKS, .start = start, .end = end,
        .runs = (uint64_t)&run, .runs_room = 1, .told = SCAN_TRACKED,
        .all = SCAN_PRESENT | PAGE_RUN_SWAPPED, /* no page is both: all are asked about, none is told */
    };
    return sys_call(SYS_ioctl, pagemap, (long)SCAN, (long)&request, 0) >= 0;
}

long tracking_keep(int tracker, int pagemap, uint64_t start, uint64_t end)
{
    return add(tracker, start, end, !tracking_has(pagemap, start, start + ARCH_PAGE_SIZE));
}

void tracking_remove(int tracker, uint64_t start, uint64_t end)
{
    tracking_mark(tracker, start, end);
    in_pieces(tracker, start, end, UNREGISTER, FORGET_AT_ONCE);
}
