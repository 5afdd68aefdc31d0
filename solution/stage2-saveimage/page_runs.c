/*
 * page_runs.c - asks the kernel which pages have content.  Three ways, the first that is there:
 *
 *     ioctl PAGEMAP_SCAN      Linux 6.7    skips what has no page tables: nothing at all for 1 TiB of holes
 *     mincore(2), where       older, and   a byte for each page: 0.3 s for 1 TiB of holes.  It does not tell what
 *     there is no swap        no swap      is swapped out from what never was
 *     /proc/self/pagemap      older        8 bytes for each page: 1.7 s for 1 TiB of holes; 11 s if it is read
 *                                          2 KiB at a time
 *
 * (Measured on one machine, which had other work to do: look at the ratios.)
 */
#include "page_runs.h"
#include "procfile.h"
#include "sys.h"

#include <sys/sysinfo.h>

/* While swapoff(8) still reads pages back, sysinfo(2) says 0 already; /proc/swaps then has more than its head. */
static bool has_no_swap(void)
{
    struct sysinfo info;
    char swaps[256] = "\n", *first = swaps; /* a kernel that cannot swap at all has no such file */
    long size = procfile_read("/proc/swaps", swaps, sizeof swaps);
    while (*first != '\n' && *first != '\0')
        first++;
    return (size > 0 || size == -ENOENT) && first[0] == '\n' && first[1] == '\0' &&
           sys_call(SYS_sysinfo, (long)&info, 0, 0, 0) == 0 && info.totalswap == 0;
}

void page_runs_open(struct pagemap *map)
{
    map->fd = (int)sys_open("/proc/self/pagemap", O_RDONLY | O_CLOEXEC, 0);
    map->learn = NULL;
    map->start = map->end = map->count = map->next = map->cannot_scan = map->anonymous = map->asked = 0;
}

static bool learn_by_scan(struct pagemap *map, uint64_t from, uint64_t end)
{
    uint64_t not = map->anonymous ? SCAN_ZERO : SCAN_ZERO | SCAN_OF_FILE;
    struct scan_request request = {
        .size = sizeof request, .start = from, .end = end, .inverted = not, .all = not,
        .runs = (uint64_t)map->runs, .runs_room = PAGE_RUNS_AHEAD,
        .any = SCAN_PRESENT | PAGE_RUN_SWAPPED, .told = SCAN_TRACKED | PAGE_RUN_SWAPPED | PAGE_RUN_WRITTEN,
    };
    long count = map->cannot_scan ? -ENOTTY : sys_call(SYS_ioctl, map->fd, (long)SCAN, (long)&request, 0);
    map->cannot_scan = count < 0;
    map->count = count > 0 ? (size_t)count : 0;
    map->end = request.walked;
    return count >= 0;
}

/* True if none of these pages is in memory, nor anywhere else. */
static bool is_empty(struct pagemap *map, uint64_t from, uint64_t pages)
{
    long size = (long)(pages * ARCH_PAGE_SIZE);
    map->no_swap = map->asked ? map->no_swap : has_no_swap();
    map->asked = true;
    if (!map->no_swap || sys_call(SYS_mincore, (long)from, size, (long)map->present, 0) != 0)
        return false;
    uint64_t page = 0;
    while (page < pages && (map->present[page] & 1) == 0)
        page++;
    return page == pages;
}

/* The kinds of a page with content, else 0. */
static uint64_t kinds_of(uint64_t entry)
{
    if (entry & ENTRY_SWAPPED)
        return PAGE_RUN_SWAPPED;
    return (entry & ENTRY_PRESENT) && !(entry & ENTRY_OF_FILE) ? SCAN_PRESENT : 0;
}

/* Adds a page to the runs.  False: they are full. */
static bool add_page(struct pagemap *map, uint64_t page, uint64_t kinds)
{
    struct page_run *last = map->runs + map->count - 1;
    if (kinds == 0)
        return true;
    if (map->count > 0 && last->end == page && last->kinds == kinds) {
        last->end += ARCH_PAGE_SIZE;
        return true;
    }
    if (map->count == PAGE_RUNS_AHEAD)
        return false;
    map->runs[map->count++] = (struct page_run){page, page + ARCH_PAGE_SIZE, kinds};
    return true;
}

static bool learn_by_entries(struct pagemap *map, uint64_t from, uint64_t end)
{
    uint64_t pages = (end - from) / ARCH_PAGE_SIZE < PAGE_ENTRIES ? (end - from) / ARCH_PAGE_SIZE : PAGE_ENTRIES;
    map->count = 0;
    map->end = from + pages * ARCH_PAGE_SIZE;
    if (is_empty(map, from, pages))
        return true;
    off_t offset = (off_t)(from / ARCH_PAGE_SIZE * sizeof *map->entries);
    long size = map->fd < 0 ? map->fd : sys_pread(map->fd, map->entries, pages * sizeof *map->entries, offset);
    if (size < (long)sizeof *map->entries)
        return false;
    map->end = from;
    for (uint64_t i = 0; i < (uint64_t)size / sizeof *map->entries; i++, map->end += ARCH_PAGE_SIZE)
        if (!add_page(map, map->end, kinds_of(map->entries[i])))
            break;
    return true;
}

/* Fills map->runs with those from `from` up to map->end. */
static void learn(struct pagemap *map, uint64_t from, uint64_t end)
{
    map->start = from;
    map->next = 0;
    if (map->learn != NULL && map->learn(map, from, end))
        return;
    if ((map->fd >= 0 && learn_by_scan(map, from, end)) || learn_by_entries(map, from, end))
        return;
    map->count = 1; /* the kernel does not tell: all pages were written */
    map->runs[0] = (struct page_run){from, end, SCAN_PRESENT};
    map->end = end;
}

bool page_runs_next(struct pagemap *map, uint64_t from, uint64_t end, struct page_run *run)
{
    for (uint64_t at = from; at < end; at = map->end) {
        if (at < map->start || at >= map->end)
            learn(map, at, end);
        if (map->next > 0 && map->runs[map->next - 1].end > at)
            map->next = 0; /* somebody went back */
        while (map->next < map->count && map->runs[map->next].end <= at)
            map->next++;
        if (map->next == map->count)
            continue;
        *run = map->runs[map->next];
        run->start = run->start > at ? run->start : at;
        run->end = run->end < end ? run->end : end;
        run->kinds |= run->kinds & SCAN_TRACKED ? 0 : PAGE_RUN_WRITTEN;
        return run->start < end;
    }
    return false;
}
