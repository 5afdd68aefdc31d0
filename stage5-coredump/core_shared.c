/*
 * core_shared.c - a file that the program had mapped and may write to.  No core tells a shared mapping from a
 * private one, so it comes back private; if it was shared, the file no longer gets what the program writes.
 * Libraries and programs are not meant: ld.so maps these privately.  gdb does not note what may be written, and
 * so it may be what is below /usr, for root; but nothing there is (hier(7)): tables of locales, for one.
 */
#include "core.h"

static bool is_elf(const struct core *core, const char *old_name, const char *name)
{
    char magic[SELFMAG] = "";
    for (const struct core_file *file = core->files; file < core->files + core->file_count; file++)
        if (file->offset == 0 && strcmp(file->name, old_name) == 0 && core_read(core, file->start, magic, SELFMAG))
            return memcmp(magic, ELFMAG, SELFMAG) == 0;
    int fd = open(name, O_RDONLY | O_NONBLOCK | O_CLOEXEC);
    bool same = fd >= 0 && pread(fd, magic, SELFMAG, 0) == SELFMAG && memcmp(magic, ELFMAG, SELFMAG) == 0;
    if (fd >= 0)
        close(fd);
    return same;
}

static bool is_meant(const struct core *core, const struct core_file *file, const char *name)
{
    bool system = core->from_gdb && strncmp(file->name, "/usr/", 5) == 0;
    return !system && !is_elf(core, file->name, name);
}

int core_shared(const struct core *core, const struct image *image)
{
    int count = 0;
    for (const struct image_region *r = image->regions; r < image->regions + image->region_count; r++) {
        const struct core_file *file = core_file_at(core, r->start);
        if (file == NULL || !(r->prot & PROT_WRITE) || !is_meant(core, file, image->names + r->name))
            continue;
        warnx("%lx-%lx, %s: it may be that this was shared, no core tells; it is private now, and what the program "
              "writes there does not reach the file", r->start, r->end, file->name);
        count++;
    }
    return count;
}
