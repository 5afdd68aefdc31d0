/*
 * live_direct.c - writes that nobody notes: a device that reads a file with O_DIRECT writes to memory by itself,
 * past the page tables.  Given.
 *
 *     the program   read(2): its pages are noted as written to |.....the device writes......| goes on
 *     the child                                  protects them | copies them |  and never hears of the rest
 *
 * So the child looks between the two.  Is no such file open then, no such read is under way: an earlier one has
 * ended, and what it wrote will be copied; a later one is noted.  If there is one, no copy is believed.
 */
#include "live.h"
#include "open_kind.h"

#include <dirent.h>

static bool is_direct(const char *folder, const char *name)
{
    char path[96], text[1024];
    uint64_t flags = 0;
    text_join(path, sizeof path, folder, "/", name, NULL);
    long size = procfile_read(path, text, sizeof text); /* fails if it is closed meanwhile */
    return size > 0 && fdinfo_number(text, "flags", 8, &flags) && (flags & O_DIRECT);
}

bool live_reads_directly(const struct live *live)
{
    char folder[64], entries[512];
    bool found = false;
    long size = 0;
    text_join(folder, sizeof folder, "/proc/", text_number((uint64_t)live->program, 10).digits, "/fdinfo", NULL);
    long fd = sys_open(folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC, 0);
    while (fd >= 0 && !found && (size = sys_call(SYS_getdents64, fd, (long)entries, sizeof entries, 0)) > 0)
        for (long at = 0; at < size && !found; at += ((const struct dirent64 *)(entries + at))->d_reclen)
            found = is_direct(folder, ((const struct dirent64 *)(entries + at))->d_name); /* ".": EISDIR */
    if (fd >= 0)
        sys_close((int)fd);
    return found || fd < 0 || size < 0;
}
