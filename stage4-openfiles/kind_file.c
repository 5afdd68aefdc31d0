/*
 * kind_file.c - what has a path: regular files, directories, /dev/null and its family.
 *
 * A file whose path leads to it no longer (deleted, or another was renamed over it) travels in the image with
 * its content.  Of a directory that was removed nothing is left but that it is there: it is made anew, and removed.
 */
#include "open_kind.h"
#include "silly_name.h"

static bool is_regular(const struct fd_view *view)
{
    return S_ISREG(view->status.st_mode) && view->link[0] == '/' && !text_starts(view->link, "/memfd:");
}

static bool is_directory(const struct fd_view *view)
{
    return S_ISDIR(view->status.st_mode) && view->link[0] == '/';
}

/*
 * Those that have no state of their own: the memory devices, Documentation/admin-guide/devices.txt.  Their numbers
 * as stat(2) has them: major(3) is a function of libc's if the compiler does not optimize, and restart needs this.
 */
static bool is_plain_device(const struct fd_view *view)
{
    const uint64_t null = 0x103, urandom = 0x109; /* 1:3 to 1:9: null, zero, full, random, urandom */
    return S_ISCHR(view->status.st_mode) && view->status.st_rdev >= null && view->status.st_rdev <= urandom;
}

/* Cuts off " (deleted)", which the kernel puts behind the path. */
static void cut_suffix(char *path)
{
    static const char suffix[] = " (deleted)";
    size_t length = strlen(path), tail = sizeof suffix - 1;
    if (length > tail && strncmp(path + length - tail, suffix, tail) == 0)
        path[length - tail] = '\0';
}

/* Does its path lead to it, and will it, when this life is over? */
static bool has_name(const struct open_file_table *table, const struct open_file *file)
{
    struct stat now;
    const char *path = open_path(table, file);
    long error = sys_call(SYS_newfstatat, AT_FDCWD, (long)path, (long)&now, 0);
    return error == 0 && now.st_ino == file->inode && now.st_dev == file->device && !name_is_hidden(path);
}

/* What the kernel makes up cannot travel: OPEN_LOST, and rdev keeps what it is, for lost_reason(). */
static bool is_pseudo(struct open_file *file)
{
    file->rdev = pseudo_type(file->fd);
    if (file->rdev != 0)
        file->kind = OPEN_LOST;
    return file->rdev != 0;
}

static long save_directory(struct files_save *save, struct open_file *file)
{
    if (has_name(save->table, file) || is_pseudo(file))
        return 0;
    file->deleted = 1;
    cut_suffix((char *)open_path(save->table, file));
    return 0;
}

static long save_file(struct files_save *save, struct open_file *file)
{
    char *path = (char *)open_path(save->table, file);
    if (has_name(save->table, file) || is_pseudo(file))
        return 0;
    /* TODO 4.6: A file without a name: let its content travel.
     * Set file->deleted, cut_suffix() its path, and content_save() it, from a descriptor that may read: file->fd
     * may be open for writing only, and then /proc/self/fd/N is a way to open it once more. */
    (void)path;
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
        sys_unlink(path);
        return fd;
    }
    fd = sys_open(directory, O_RDWR | O_TMPFILE | O_CLOEXEC, 0600);
    return fd >= 0 ? fd : sys_open("/tmp", O_RDWR | O_TMPFILE | O_CLOEXEC, 0600);
}

/* For a moment it has a name, and takes room on a disk.  Its own flags need another open(2). */
static long commit_file(const struct open_file_table *table, const struct open_file *file)
{
    if (!file->deleted)
        return 0;
    long made = make_nameless(open_path(table, file));
    if (made < 0)
        return made;
    long error = content_load(table, file, (int)made);
    if (error == 0)
        error = sys_call(SYS_fchmod, made, file->mode & 07777, 0, 0);
    uint32_t flags = file->flags & ~(uint32_t)(O_CREAT | O_EXCL | O_TRUNC | O_TMPFILE | O_NOFOLLOW);
    if (error == 0)
        error = fd_replace(fd_reopen((int)made, (int)flags), file->real_fd);
    sys_close((int)made);
    return error;
}

/* Makes a directory of this name, opens it, and removes it again. */
static long make_removed(const char *path, const struct open_file *file)
{
    long error = sys_mkdir(path, 0700);
    if (error != 0)
        return error;
    uint32_t flags = file->flags & ~(uint32_t)(O_CREAT | O_EXCL | O_TRUNC | O_TMPFILE);
    long fd = sys_open(path, (int)flags | O_DIRECTORY | O_CLOEXEC, 0);
    sys_chmod(path, (int)file->mode & 07777);
    sys_rmdir(path);
    return fd;
}

/* Where it was, so that it is called as it was; else, if that folder is gone or the name is taken, in /tmp. */
static long commit_directory(const struct open_file_table *table, const struct open_file *file)
{
    char name[64];
    if (!file->deleted)
        return 0;
    long fd = make_removed(open_path(table, file), file);
    text_join(name, sizeof name, "/tmp/removed.", text_number((uint64_t)sys_getpid(), 10).digits, NULL);
    if (fd < 0)
        fd = make_removed(name, file);
    return fd_replace(fd, file->real_fd);
}

/* Behind `prefix` of the path, and the '/' after it; NULL: it begins in another way. */
static const char *behind(const char *path, const char *prefix)
{
    size_t length = strlen(prefix);
    if (strncmp(path, prefix, length) != 0 || (path[length] != '/' && path[length] != '\0'))
        return NULL;
    return path + length + (path[length] == '/');
}

/* /proc/PID/... of the first life is /proc/self/... in this one; its only thread is /proc/thread-self. */
static const char *own_proc(const struct open_file_table *table, const char *path, char *room, size_t size)
{
    struct number pid = text_number(table->pid, 10);
    text_join(room, size, "/proc/", pid.digits, "/task/", pid.digits, NULL);
    const char *rest = behind(path, room), *to = "/proc/thread-self/";
    if (rest == NULL) {
        text_join(room, size, "/proc/", pid.digits, NULL);
        rest = behind(path, room);
        to = "/proc/self/";
    }
    if (rest == NULL)
        return path;
    text_join(room, size, to, rest, NULL);
    return room;
}

static long open_path_again(const struct open_file_table *table, const struct open_file *file)
{
    char room[PATH_MAX + 16];
    struct stat now;
    if (file->deleted)
        return open_placeholder(); /* until commit_file() or commit_directory() */
    const char *path = own_proc(table, open_path(table, file), room, sizeof room);
    /* TODO 4.4: Open it again.
     * file->flags are those of its open file description. O_CREAT, O_EXCL and O_TRUNC must not be among them (the
     * kernel does not show them in fdinfo, but an image may be anybody's); O_NOCTTY and O_CLOEXEC must. If what
     * lies there is of another type now (S_IFMT of the mode), do not open it, but return -ENODEV: to open a FIFO
     * is to wait for its other end, and devices begin to work. Return the descriptor. */
    (void)now, (void)path;
    return -ENOSYS;
}

const struct open_kind kind_file = {"file", is_regular, save_file, open_path_again, commit_file};
const struct open_kind kind_directory = {
    "directory", is_directory, save_directory, open_path_again, commit_directory,
};
const struct open_kind kind_device = {"device", is_plain_device, NULL, open_path_again, NULL};
