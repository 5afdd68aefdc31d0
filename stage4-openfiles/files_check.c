/* files_check.c - is this Open File Table one?  It comes from a file, so no number in it is believed.  Given. */
#include "open_files.h"

#define MOST_FD (1 << 30) /* fs.nr_open is lower; and one more fits an int */

static bool inside(uint64_t at, uint64_t size, uint64_t whole)
{
    return at <= whole && size <= whole - at;
}

static bool path_ends(const struct open_file_table *table, uint64_t at)
{
    while (at < table->extra_size && open_extra(table)[at] != '\0')
        at++;
    return at < table->extra_size;
}

static const char *check_entry(const struct open_file_table *table, const struct open_file *file)
{
    uint64_t extra = table->extra_size;
    if (file->fd < 0 || file->fd > MOST_FD || (file > table->files && file->fd <= file[-1].fd))
        return "its descriptors are not in order";
    if (file->kind >= OPEN_KINDS)
        return "it has a kind of file that this restart does not know";
    if (!path_ends(table, file->path))
        return "a path does not end";
    if (!inside(file->data, file->data_size, extra) || file->data % 8 != 0 || file->locks % 8 != 0 ||
        file->lock_count > extra || !inside(file->locks, file->lock_count * sizeof(struct file_lock), extra))
        return "something lies outside of it";
    const struct open_file *owner = table->files;
    while (owner < file && owner->fd != file->dup_of)
        owner++;
    return owner->fd != file->dup_of || owner->dup_of != owner->fd ? "a duplicate has no original" : NULL;
}

const char *files_check(const struct open_file_table *table, size_t size)
{
    const char *why = NULL;
    if (size < sizeof *table || table->count > (size - sizeof *table) / sizeof *table->files ||
        table->extra_size > size - sizeof *table - table->count * sizeof *table->files)
        return "it is cut off";
    for (uint32_t i = 0; i < table->count && why == NULL; i++)
        why = check_entry(table, &table->files[i]);
    return why;
}
