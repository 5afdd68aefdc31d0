/*
 * kind_inotify.c - inotify(7): what the program watches, under the numbers (wd) that it knows.
 *
 * The kernel gives the numbers in order, and none twice.  So what is missing in the row is added and removed
 * again, until the number is the one that it was.  Events that nobody has read are lost, and that is said: only the
 * kernel can put one into the queue.
 */
#include "inotify_watch.h"

#include <asm/ioctls.h>
#include <sys/inotify.h>

#define MOST_NUMBERS (1 << 20) /* so far we count at the most */

/* file->data: struct unread, then for each watch a struct record and its path, padded to 8; "": none was found. */
struct unread {
    uint64_t bytes;
};

struct record {
    int32_t wd;
    uint32_t mask;
    uint64_t inode, device;
    uint64_t path_size; /* bytes, with '\0' and padding */
};

static bool is_inotify(const struct fd_view *view)
{
    return text_is(view->link, "anon_inode:inotify");
}

/* The room for the path of the descriptor is free by now: the search works there. */
static long save_watch(struct files_save *save, struct open_file *file, const char *line)
{
    uint64_t at;
    char *path = save->view->link;
    struct inotify_watch watch;
    inotify_parse(line, &watch);
    if (!inotify_find_path(save->table, &watch, path, PATH_MAX))
        path[0] = '\0';
    struct record record = {watch.wd, watch.mask, watch.inode, watch.device, round_up(strlen(path) + 1, 8)};
    char *to = extra_add(save, sizeof record + record.path_size, &at);
    if (to == NULL)
        return -E2BIG;
    memcpy(to, &record, sizeof record);
    memcpy(to + sizeof record, path, strlen(path) + 1);
    file->data_size += sizeof record + record.path_size;
    return 0;
}

static long save_inotify(struct files_save *save, struct open_file *file)
{
    int waiting = 0;
    const char *info = save->view->info;
    sys_call(SYS_ioctl, file->fd, FIONREAD, (long)&waiting, 0);
    struct unread unread = {(uint64_t)waiting};
    long error = save_data(save, file, &unread, sizeof unread);
    if (error == 0 && strlen(info) == sizeof save->view->info - 1)
        return -E2BIG; /* there is more */
    for (const char *at = fdinfo_find(info, "inotify "); at != NULL && error == 0; at = fdinfo_next(at, "inotify "))
        error = save_watch(save, file, at);
    return error;
}

/* The record with the least number above `wd`, and its path.  NULL: there is none, or it is broken. */
static const char *next_watch(const struct open_file_table *table, const struct open_file *file, int wd,
                              struct record *next)
{
    const char *data = open_data(table, file), *path = NULL;
    for (uint64_t at = sizeof(struct unread); at + sizeof *next <= file->data_size;) {
        struct record record;
        memcpy(&record, data + at, sizeof record);
        at += sizeof record;
        if (record.path_size == 0 || record.path_size > file->data_size - at || record.path_size % 8 != 0 ||
            data[at + record.path_size - 1] != '\0')
            return NULL;
        if (record.wd > wd && (path == NULL || record.wd < next->wd)) {
            *next = record;
            path = data + at;
        }
        at += record.path_size;
    }
    return path;
}

/* Makes the kernel give out all numbers before `wd`; `last` was the last.  The events of that are read. */
static bool count_up(int fd, int last, int wd)
{
    char events[512];
    while (last < wd - 1 && wd < MOST_NUMBERS) {
        long got = sys_call(SYS_inotify_add_watch, fd, (long)"/", IN_DELETE_SELF, 0);
        if (got <= last)
            return false;
        last = (int)got;
        sys_call(SYS_inotify_rm_watch, fd, got, 0, 0);
        sys_read(fd, events, sizeof events); /* IN_IGNORED */
    }
    return last == wd - 1;
}

static void lost(const struct open_file *file, const struct record *watch, const char *path, const char *why)
{
    say("restart: descriptor ", text_number((uint64_t)file->fd, 10).digits, ", inotify: watch ",
        text_number((uint64_t)watch->wd, 10).digits, " (", path[0] != '\0' ? path : "inode ",
        path[0] != '\0' ? "" : text_number(watch->inode, 10).digits, ") is lost: ", why, NULL);
}

/* All watches, by their numbers. */
static void add_watches(const struct open_file_table *table, const struct open_file *file, int fd)
{
    const char *path;
    struct record watch;
    int last = 0; /* the last number that the kernel gave */
    for (int wd = 0; (path = next_watch(table, file, wd, &watch)) != NULL; wd = watch.wd) {
        if (path[0] == '\0') {
            lost(file, &watch, path, "no path to it is known");
            continue;
        }
        long got = !count_up(fd, last, watch.wd) ? -ERANGE :
            sys_call(SYS_inotify_add_watch, fd, (long)path, watch.mask | IN_DONT_FOLLOW, 0);
        if (got == watch.wd)
            last = watch.wd;
        else
            lost(file, &watch, path, got == -ENOENT ? "it is not there any more" : "it cannot be watched");
    }
}

static bool is_there(const char *path)
{
    struct stat now;
    return sys_call(SYS_newfstatat, AT_FDCWD, (long)path, (long)&now, AT_SYMLINK_NOFOLLOW) == 0;
}

bool kind_inotify_loses(const struct open_file_table *table, const struct open_file *file)
{
    const char *path;
    struct unread unread = {1};
    struct record watch;
    if (file->data_size >= sizeof unread)
        memcpy(&unread, open_data(table, file), sizeof unread);
    for (int wd = 0; (path = next_watch(table, file, wd, &watch)) != NULL; wd = watch.wd)
        if (path[0] == '\0' || !is_there(path))
            return true;
    return unread.bytes > 0;
}

/* Counting up reads, and must not wait: so the flags of the program come last. */
static long open_inotify(const struct open_file_table *table, const struct open_file *file)
{
    struct unread unread;
    if (file->data_size < sizeof unread)
        return -EINVAL;
    memcpy(&unread, open_data(table, file), sizeof unread);
    long fd = sys_call(SYS_inotify_init1, IN_CLOEXEC | IN_NONBLOCK, 0, 0, 0);
    if (fd < 0)
        return fd;
    if (unread.bytes > 0)
        say("restart: descriptor ", text_number((uint64_t)file->fd, 10).digits, ", inotify: ",
            text_number(unread.bytes, 10).digits, " bytes of events that were not read yet are lost", NULL);
    add_watches(table, file, (int)fd);
    sys_call(SYS_fcntl, fd, F_SETFL, file->flags, 0);
    return fd;
}

const struct open_kind kind_inotify = {"inotify", is_inotify, save_inotify, open_inotify, NULL};
