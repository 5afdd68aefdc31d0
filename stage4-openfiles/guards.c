/* guards.c - finds the pages that the program made guards, by madvise(2), MADV_GUARD_INSTALL.  No libc. */
#include "image_memory.h"
#include "sys.h"

#define ENTRY_GUARD (1UL << 58) /* in /proc/PID/pagemap, from Linux 6.15 on: pagemap.rst */

bool page_is_guard(const struct pagemap *map, uint64_t page, bool readable)
{
    uint64_t entry = 0;
    sys_pread(map->fd, &entry, sizeof entry, (off_t)(page / ARCH_PAGE_SIZE * sizeof entry));
    return (entry & ENTRY_GUARD) || (readable && !sys_can_read(page));
}
