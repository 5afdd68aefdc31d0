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

static bool is_direct(const char *folder, const char *name, void *unused)
{
    char path[96], text[1024];
    uint64_t flags = 0;
    text_join(path, sizeof path, folder, "/", name, NULL);
    long size = procfile_read(path, text, sizeof text); /* fails if it is closed meanwhile, and for "." */
    return size > 0 && fdinfo_number(text, "flags", 8, &flags) && (flags & O_DIRECT);
}

bool live_reads_directly(const struct live *live)
{
    char folder[64];
    text_join(folder, sizeof folder, "/proc/", text_number((uint64_t)live->program, 10).digits, "/fdinfo", NULL);
    return fdinfo_any(folder, is_direct, NULL) != 0;
}
