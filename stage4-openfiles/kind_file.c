/*
 * kind_file.c - what has a path: regular files, directories, /dev/null and its family.
 *
 * A file whose path leads to it no longer (deleted, or another was renamed over it) travels in the image with
 * its content.
 */
#include "open_kind.h"

#include <sys/sysmacros.h>

static bool is_regular(const struct fd_view *view)
{
    return S_ISREG(view->status.st_mode) && view->link[0] == '/' && !text_starts(view->link, "/memfd:");
}

static bool is_directory(const struct fd_view *view)
{
    return S_ISDIR(view->status.st_mode) && view->link[0] == '/';
}

/* Those that have no state of their own: the memory devices, Documentation/admin-guide/devices.txt. */
static bool is_plain_device(const struct fd_view *view)
{
    unsigned number = minor(view->status.st_rdev); /* 3 null, 5 zero, 7 full, 8 random, 9 urandom */
    return S_ISCHR(view->status.st_mode) && major(view->status.st_rdev) == 1 && number >= 3 && number <= 9;
}

/* Cuts off " (deleted)", which the kernel puts behind the path. */
static void cut_suffix(char *path)
{
    static const char suffix[] = " (deleted)";
    size_t length = strlen(path), tail = sizeof suffix - 1;
    if (length > tail && strncmp(path + length - tail, suffix, tail) == 0)
        path[length - tail] = '\0';
}

static long save_file(struct files_save *save, struct open_file *file)
{
    struct stat now;
    char *path = (char *)open_path(save->table, file);
    long error = sys_call(SYS_newfstatat, AT_FDCWD, (long)path, (long)&now, 0);
    if (error == 0 && now.st_ino == file->inode && now.st_dev == file->device)
        return 0;
    /* TODO 4.6: A file without a name: let its content travel.
     * Set file->deleted, cut_suffix() its path, and content_save() it, from a descriptor that may read: file->fd
     * may be open for writing only, and then /proc/self/fd/N is a way to open it once more. */
    (void)cut_suffix;
    file->kind = OPEN_LOST;
    return 0;
}

long make_nameless(const char *path)
{
    char directory[PATH_MAX];
    size_t length = text_join(directory, sizeof directory, path, NULL);
    while (length > 1 && directory[--length] != '/')
        ;
    directory[length > 0 ? length : 1] = '\0';
    long fd = sys_open(path, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
    if (fd >= 0) {
        sys_call(SYS_unlink, (long)path, 0, 0, 0);
        return fd;
    }
    fd = sys_open(directory, O_RDWR | O_TMPFILE | O_CLOEXEC, 0600);
    return fd >= 0 ? fd : sys_open("/tmp", O_RDWR | O_TMPFILE | O_CLOEXEC, 0600);
}

/* The file's own flags need another open(2): by the only name that it still has, and that is a link. */
static long open_deleted(const struct open_file_table *table, const struct open_file *file)
{
    char link[64];
    long made = make_nameless(open_path(table, file));
    if (made < 0)
        return made;
    long error = content_load(table, file, (int)made);
    if (error == 0)
        error = sys_call(SYS_fchmod, made, file->mode & 07777, 0, 0);
    text_join(link, sizeof link, "/proc/self/fd/", text_number((uint64_t)made, 10).digits, NULL);
    uint32_t flags = file->flags & ~(uint32_t)(O_CREAT | O_EXCL | O_TRUNC | O_TMPFILE | O_NOFOLLOW);
    long fd = error != 0 ? error : sys_open(link, (int)flags | O_CLOEXEC, 0);
    sys_close((int)made);
    return fd;
}

/* /proc/PID/... of the first life is /proc/self/... in this one. */
static const char *own_proc(const struct open_file_table *table, const char *path, char *room, size_t size)
{
    size_t length = text_join(room, size, "/proc/", text_number(table->pid, 10).digits, "/", NULL);
    if (strncmp(path, room, length) != 0)
        return path;
    text_join(room, size, "/proc/self/", path + length, NULL);
    return room;
}

static long open_path_again(const struct open_file_table *table, const struct open_file *file)
{
    char room[PATH_MAX + 16];
    struct stat now;
    if (file->deleted)
        return open_deleted(table, file);
    const char *path = own_proc(table, open_path(table, file), room, sizeof room);
    /* TODO 4.4: Open it again.
     * file->flags are those of its open file description. O_CREAT, O_EXCL and O_TRUNC must not be among them (the
     * kernel does not show them in fdinfo, but an image may be anybody's); O_NOCTTY and O_CLOEXEC must. If what
     * lies there is of another type now (S_IFMT of the mode), close it and return -ENODEV. Return the descriptor.
     */
    (void)now, (void)path;
    return -ENOSYS;
}

const struct open_kind kind_file = {"file", is_regular, save_file, open_path_again};
const struct open_kind kind_directory = {"directory", is_directory, NULL, open_path_again};
const struct open_kind kind_device = {"device", is_plain_device, NULL, open_path_again};
