/*
 * files_commit.c - the plan's last act, behind the last check: all that changes the world outside of restart.
 *
 *     1. what is nameless is made, FIFOs are opened and get their bytes      each kind's commit(), shared_commit()
 *     2. every file that restart opened gets its offset
 *     3. --rollback: written files are cut back
 *
 * Nothing before it changes anything, so a restart that is refused does not either, nor does --dry-run.  In
 * here, too, what can fail comes first: a full disk says no before the first file is cut.
 */
#include "files_plan.h"
#include "shared_plan.h"

#include <sys/sysmacros.h>

/* Is it one that restart opened, and not its own? */
static bool is_opened(const struct open_file_table *table, const struct open_file *file)
{
    return file->dup_of == file->fd && file->real_fd >= files_base(table);
}

static void commit_one(const struct open_file_table *table, const struct open_file *file, int strict)
{
    if (open_kinds[file->kind] == NULL || open_kinds[file->kind]->commit == NULL || !is_opened(table, file))
        return;
    long error = open_kinds[file->kind]->commit(table, file);
    if (error == 0)
        return;
    fprintf(stderr, "restart: descriptor %d, %s: not brought back: %s\n", file->fd, open_path(table, file),
            strerror((int)-error));
    if (strict || file->kind == OPEN_FILE)
        errx(EX_OSERR, "so no restart; nothing has changed");
}

static void set_position(const struct open_file_table *table, const struct open_file *file)
{
    bool has_offset = file->kind == OPEN_FILE || (file->kind == OPEN_DIRECTORY && !file->deleted) ||
                      file->kind == OPEN_MEMFD;
    if (!is_opened(table, file) || !has_offset || (file->flags & O_PATH))
        return;
    if (lseek(file->real_fd, (off_t)file->offset, SEEK_SET) < 0)
        err(EX_OSERR, "%s: offset %lu", open_path(table, file), file->offset);
}

/* In a folder that was copied, it is another file under the same name (restart --moved gave it the new one). */
static bool is_own_file(const struct open_file_table *table, const struct open_file *file, const struct stat *now)
{
    struct stat named;
    if (now->st_ino == file->inode && now->st_dev == file->device)
        return true;
    return stat(open_path(table, file), &named) == 0 && named.st_ino == now->st_ino && named.st_dev == now->st_dev;
}

/*
 * The same command was given again, so restart's own 0, 1 and 2 are what they were, but at their beginning.  A file
 * that has become shorter was made anew by who gave it.
 */
static void set_own_position(const struct open_file_table *table, const struct open_file *file)
{
    struct stat now;
    if (is_opened(table, file) || !file->pre_opened || file->kind != OPEN_FILE || file->real_fd != file->fd ||
        fstat(file->fd, &now) != 0 || !is_own_file(table, file, &now))
        return;
    if ((uint64_t)now.st_size < file->offset)
        fprintf(stderr, "restart: descriptor %d, %s: made anew, without the %lu bytes before its position\n",
                file->fd, open_path(table, file), file->offset);
    else if (lseek(file->fd, (off_t)file->offset, SEEK_SET) < 0)
        err(EX_OSERR, "%s: offset %lu", open_path(table, file), file->offset);
}

const char *files_uncut(const struct open_file *file)
{
    struct statx now;
    if (file->deleted || statx(file->real_fd, "", AT_EMPTY_PATH, STATX_BASIC_STATS, &now) != 0)
        return "";
    if (now.stx_ino != file->inode || makedev(now.stx_dev_major, now.stx_dev_minor) != file->device)
        return "it is not the file that was open";
    return now.stx_attributes & STATX_ATTR_APPEND ? "it may only grow (chattr +a)" : NULL;
}

static void cut_back(const struct open_file_table *table, const struct open_file *file)
{
    struct stat now;
    const char *path = open_path(table, file);
    bool written = file->kind == OPEN_FILE && (file->flags & O_ACCMODE) != O_RDONLY && !(file->flags & O_PATH);
    if (!is_opened(table, file) || !written || files_uncut(file) != NULL || fstat(file->real_fd, &now) != 0 ||
        (uint64_t)now.st_size <= file->size)
        return;
    /* Said before it is done: the messages may go to that very file. */
    fprintf(stderr, "restart: %s: cut back from %lu to %lu bytes\n", path, (uint64_t)now.st_size, file->size);
    if (ftruncate(file->real_fd, (off_t)file->size) != 0)
        err(EX_OSERR, "%s: cannot be cut back", path);
}

void files_commit(const struct image *image, const struct files_options *options)
{
    static const struct open_file_table none; /* an image of stage 3 */
    const struct open_file_table *table = image_note(image, IMAGE_NOTE_NAME, NOTE_FILES, sizeof *table, NULL);
    table = table != NULL ? table : &none;
    const struct open_file *files = table->files, *end = files + table->count;
    for (uint32_t kind = OPEN_FILE; kind < OPEN_KINDS; kind++) /* files first: they need room on a disk */
        for (const struct open_file *file = files; file < end; file++)
            if (file->kind == kind)
                commit_one(table, file, options->strict);
    shared_commit(image);
    for (const struct open_file *file = files; file < end; file++)
        set_position(table, file);
    for (const struct open_file *file = files; file < end && options->resume; file++)
        set_own_position(table, file);
    for (const struct open_file *file = files; file < end && options->rollback; file++)
        cut_back(table, file);
}
