/*
 * inotify_path.c - the kernel tells the inode that inotify watches, but not the path: find one.
 *
 * A guess is tested by the kernel itself: an inotify of our own watches the path, and its fdinfo must show the same
 * inode and device.  (stat(2) shows other numbers on overlayfs and btrfs.)
 */
#include "inotify_watch.h"

#include <dirent.h>
#include <sys/inotify.h>

/* "inotify wd:1 ino:3c51a sdev:fe00000 mask:100 ignored_mask:0 fhandle-bytes:8 fhandle-type:1 f_handle:1ac5..." */
void inotify_parse(const char *line, struct inotify_watch *watch)
{
    *watch = (struct inotify_watch){
        .wd = (int32_t)fdinfo_in_line(line, "wd:", 16), .mask = (uint32_t)fdinfo_in_line(line, " mask:", 16),
        .inode = fdinfo_in_line(line, "ino:", 16), .device = fdinfo_in_line(line, "sdev:", 16),
        .handle_size = (uint32_t)fdinfo_in_line(line, "fhandle-bytes:", 16),
        .handle_type = (int32_t)fdinfo_in_line(line, "fhandle-type:", 16),
    };
    while (*line != '\n' && *line != '\0' && !text_starts(line, "f_handle:"))
        line++;
    line += text_starts(line, "f_handle:") ? strlen("f_handle:") : 0;
    if (watch->handle_size > HANDLE_SIZE)
        watch->handle_size = 0;
    for (uint32_t i = 0; i < watch->handle_size && line[0] > ' ' && line[1] > ' '; i++, line += 2) {
        char pair[3] = {line[0], line[1], '\0'};
        const char *at = pair;
        watch->handle[i] = (uint8_t)text_parse(&at, 16);
    }
}

#define DEPTH 8             /* levels of directories below the working directory */
#define DIRECTORIES 500     /* that are looked into for one watch */
#define ENTRIES_SIZE 4096UL /* bytes */

/* A search.  It works in `path`, where the answer is to stand. */
struct search {
    const struct inotify_watch *watch;
    int probe; /* an inotify of our own */
    char *path;
    size_t size;
    char *entries;   /* of directories, ENTRIES_SIZE bytes for each level */
    int directories; /* so many are looked into yet */
};

/* The kernel is asked what the path leads to. */
static bool is_it(const struct search *search)
{
    char proc[64], info[512];
    struct inotify_watch found;
    long wd = sys_call(SYS_inotify_add_watch, search->probe, (long)search->path, IN_ATTRIB | IN_DONT_FOLLOW, 0);
    if (wd < 0)
        return false;
    text_join(proc, sizeof proc, "/proc/self/fdinfo/", text_number((uint64_t)search->probe, 10).digits, NULL);
    procfile_read(proc, info, sizeof info);
    sys_call(SYS_inotify_rm_watch, search->probe, wd, 0, 0);
    const char *line = fdinfo_find(info, "inotify ");
    if (line == NULL)
        return false;
    inotify_parse(line, &found);
    return found.inode == search->watch->inode && found.device == search->watch->device;
}

/* Where a descriptor leads, as a path. */
static bool read_link(const struct search *search, int fd)
{
    char link[64];
    text_join(link, sizeof link, "/proc/self/fd/", text_number((uint64_t)fd, 10).digits, NULL);
    long length = sys_readlink(link, search->path, search->size - 1);
    search->path[length > 0 ? length : 0] = '\0';
    return length > 0 && search->path[0] == '/';
}

/* By the file handle: open_by_handle_at(2) wants privilege, and some descriptor of the same file system. */
static bool by_handle(const struct search *search, int mount)
{
    struct {
        uint32_t size;
        int32_t type;
        uint8_t bytes[HANDLE_SIZE];
    } handle = {search->watch->handle_size, search->watch->handle_type, {0}};
    if (handle.size == 0)
        return false;
    memcpy(handle.bytes, search->watch->handle, handle.size);
    long fd = sys_call(SYS_open_by_handle_at, mount, (long)&handle, O_PATH | O_CLOEXEC, 0);
    if (fd < 0)
        return false;
    bool found = read_link(search, (int)fd) && is_it(search);
    sys_close((int)fd);
    return found;
}

/* The path in search->path, or one of the directories above it. */
static bool upwards(const struct search *search)
{
    for (size_t length = strlen(search->path); length > 0; ) {
        if (is_it(search))
            return true;
        while (length > 0 && search->path[length - 1] != '/')
            length--;
        length -= length > 1; /* the slash; but that of "/" stays */
        if (length == 1 && search->path[1] == '\0')
            return false;
        search->path[length] = '\0';
    }
    return false;
}

static bool is_tree(const struct dirent64 *entry)
{
    return entry->d_type == DT_DIR && !text_is(entry->d_name, ".") && !text_is(entry->d_name, "..");
}

/* In the directory in search->path and those below it, `depth` levels: only entries with the inode are tried. */
static bool below(struct search *search, int depth)
{
    char *entries = search->entries + depth * ENTRIES_SIZE;
    size_t end = strlen(search->path);
    long size, fd = sys_open(search->path, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC, 0);
    bool found = false;
    while (fd >= 0 && !found && (size = sys_call(SYS_getdents64, fd, (long)entries, ENTRIES_SIZE, 0)) > 0)
        for (long at = 0; at < size && !found; at += ((const struct dirent64 *)(entries + at))->d_reclen) {
            const struct dirent64 *entry = (const struct dirent64 *)(entries + at);
            search->path[end] = '\0';
            text_join(search->path + end, search->size - end, end > 1 ? "/" : "", entry->d_name, NULL);
            found = entry->d_ino == search->watch->inode && is_it(search);
            if (!found && depth > 0 && is_tree(entry) && search->directories-- > 0)
                found = below(search, depth - 1);
        }
    if (!found)
        search->path[end] = '\0';
    if (fd >= 0)
        sys_close((int)fd);
    return found;
}

static bool look_around(const struct open_file_table *table, struct search *search)
{
    char *path = search->path;
    if (by_handle(search, AT_FDCWD))
        return true;
    for (const struct open_file *file = table->files; file < table->files + table->count; file++)
        if (by_handle(search, file->fd))
            return true;
    if (sys_call(SYS_getcwd, (long)path, (long)search->size, 0, 0) > 0 && path[0] == '/' &&
        (below(search, DEPTH) || upwards(search)))
        return true;
    text_join(path, search->size, "/tmp", NULL);
    if (below(search, 0) || is_it(search))
        return true;
    for (const struct open_file *file = table->files; file < table->files + table->count; file++)
        if (read_link(search, file->fd) && (below(search, 0) || upwards(search)))
            return true;
    return false;
}

bool inotify_find_path(const struct open_file_table *table, const struct inotify_watch *watch, char *path,
                       size_t size)
{
    size_t room = (DEPTH + 1) * ENTRIES_SIZE;
    long probe = sys_call(SYS_inotify_init1, IN_CLOEXEC | IN_NONBLOCK, 0, 0, 0);
    long entries = sys_mmap(0, room, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    bool found = false;
    if (probe >= 0 && !sys_failed(entries)) {
        struct search search = {watch, (int)probe, path, size, (char *)entries, DIRECTORIES}; // NOLINT
        found = look_around(table, &search);
    }
    if (!sys_failed(entries))
        sys_munmap((uint64_t)entries, room);
    if (probe >= 0)
        sys_close((int)probe);
    return found;
}
