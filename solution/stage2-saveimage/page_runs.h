/*
 * page_runs.h - which pages of this process have content of their own: written ones, in memory or swapped out.
 *
 *     a region   |..........wwww.....................www..........|
 *     its runs             [    )                   [   )
 *
 * What it costs grows with what is there, and not with the address space: a program may reserve terabytes and
 * write three pages (Go, Java, AddressSanitizer).  Async-signal-safe.  Given.
 */
#ifndef CKPT_PAGE_RUNS_H
#define CKPT_PAGE_RUNS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/ioctl.h>

/* Pages, start <= a < end, that all have content.  As the kernel's struct page_region, <linux/fs.h>. */
struct page_run {
    uint64_t start, end; /* addresses */
    uint64_t kinds;      /* PAGE_RUN_ bits */
};

/* Some are not in memory: swapped out; or guards (madvise(2), MADV_GUARD_INSTALL), which look so. */
#define PAGE_RUN_SWAPPED 16

/*
 * Written to since it was protected (SCAN_PROTECTS).  What is not tracked has it, too, even if it
 * looks protected: such a sign may be left from the time when it was.
 */
#define PAGE_RUN_WRITTEN 2

/* /proc/PID/pagemap has 8 bytes for each page: Documentation/admin-guide/mm/pagemap.rst. */
#define ENTRY_PRESENT (1UL << 63)
#define ENTRY_SWAPPED (1UL << 62)
#define ENTRY_OF_FILE (1UL << 61) /* a private page loses this bit when it is written to */

/*
 * The same document, and include/uapi/linux/fs.h of Linux 6.7, have this; Debian 12's headers do not.  A page is
 * told if (kinds ^ inverted) has all bits of `all` and one of `any`; neighbours with the same `told` bits are one.
 */
struct scan_request {
    uint64_t size, flags;
    uint64_t start, end;
    uint64_t walked; /* the answer: runs[] are those of the pages from start up to here */
    uint64_t runs, runs_room;
    uint64_t most_pages; /* 0: no limit */
    uint64_t inverted, all, any, told;
};
#define SCAN _IOWR('f', 16, struct scan_request)
#define SCAN_PROTECTS 1UL /* a flag: what is told is protected */
#define SCAN_TRACKED 1UL  /* a kind: its region is tracked */
#define SCAN_OF_FILE (1UL << 2)
#define SCAN_PRESENT (1UL << 3)
#define SCAN_ZERO (1UL << 5) /* read, and never written: all such pages are one */

#define PAGE_RUNS_AHEAD 256      /* runs */
#define PAGE_ENTRIES (32UL << 10) /* pages that an older kernel is asked about at once: 128 MiB of them */

/*
 * What the kernel told, some of it read ahead.  300 KiB are too much for a stack: keep the struct elsewhere.  The
 * fields are page_runs.c's own, but for `learn` and `anonymous`, which are the caller's to set, after the opening.
 */
struct pagemap {
    bool (*learn)(struct pagemap *map, uint64_t from, uint64_t end); /* another way to ask, first; NULL */
    int fd;              /* /proc/self/pagemap; negative: it cannot be read */
    bool cannot_scan;    /* a kernel before Linux 6.7 */
    bool anonymous;      /* none of these pages is a file's: to ask the kernel for that takes ten times as long */
    bool asked, no_swap; /* this machine has none, so what is not in memory is nowhere; asked when it matters */
    uint64_t start, end; /* runs[] are those of the pages from start to end */
    size_t count, next;
    struct page_run runs[PAGE_RUNS_AHEAD];
    uint64_t entries[PAGE_ENTRIES];
    unsigned char present[PAGE_ENTRIES];
};

/* Opens it; the caller closes map->fd.  If it cannot be read, every page counts as written. */
void page_runs_open(struct pagemap *map);

/*
 * The first run of pages that were written to, of those from `from` to `end`, which are mapped.  Cut off at `end`,
 * and perhaps elsewhere.  False: there is none.  Cheap if it is called with ascending addresses.
 */
bool page_runs_next(struct pagemap *map, uint64_t from, uint64_t end, struct page_run *run);

#endif
