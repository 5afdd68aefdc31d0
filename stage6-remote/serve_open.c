/*
 * serve_open.c - open(2), creat(2) and openat(2), close(2), dup(2) and link(2), at home.
 *
 * A file that is there is opened through the O_PATH descriptor of the walk: it is the one that was looked at.  The
 * shadow never opens and closes a file by the way: closing any descriptor of a file drops the locks on it
 * (fcntl_locking(2)); only one that is O_PATH does not.
 */
#include "libc.h"
#include "serve_paths.h"
#include "shadow.h"
#include "since.h"
#include "stub_shadow.h"
#include "text.h"

static bool changes(int flags)
{
    if (flags & O_PATH)
        return false;
    return (flags & O_ACCMODE) != O_RDONLY || (flags & (O_CREAT | O_TRUNC)) || (flags & O_TMPFILE) == O_TMPFILE;
}

static bool is_device(const struct stat *st)
{
    return S_ISBLK(st->st_mode) || S_ISCHR(st->st_mode);
}

/*
 * A device is opened below /dev, if the list names it: one that the job has made itself, never.  To write to a
 * device does not change its file, so it need only be one that may be read.
 */
static bool may_use_device(const struct place *place)
{
    return starts_with(place->path, "/dev/") && allow_inside(place->path, false);
}

/* The rights of a descriptor of the job's are enough for these flags: no more can be had by opening it anew. */
static bool is_within(int fd, int flags)
{
    int has = fcntl(fd, F_GETFL), access = has & O_ACCMODE;
    bool reads = (flags & O_ACCMODE) != O_WRONLY;
    if (job_may_change(fd))
        return true;
    if (has < 0 || (has & O_PATH))
        return false;
    return (!reads || access != O_WRONLY) &&
           (!changes(flags) || access != O_RDONLY); /* O_RDONLY | O_TRUNC changes */
}

/* 0, or why it may not be opened so. */
static long open_problem(const struct place *place, const struct stat *st, int flags)
{
    if (place->job_fd >= 0)
        return is_within(place->job_fd, flags) ? 0 : -EACCES;
    if (is_device(st) && !(flags & O_PATH))
        return may_use_device(place) ? 0 : -EACCES;
    if ((flags & O_PATH) || allow_inside(place->path, changes(flags)))
        return 0; /* O_PATH: to look at what may be looked at */
    refused(place->path);
    return -EACCES;
}

/* The open itself.  It must not wait: for the other end of a FIFO, for a terminal's line. */
static int open_there(const struct place *place, const struct stat *st, int flags, mode_t mode)
{
    char name[FD_NAME_ROOM];
    bool may_wait = !S_ISREG(st->st_mode) && !S_ISDIR(st->st_mode);
    flags = (flags & ~(O_ASYNC | O_DIRECT | O_NONBLOCK)) | O_CLOEXEC | O_NOCTTY;
    if (place->object < 0)
        return openat(place->directory, place->name, flags | O_NOFOLLOW, mode & 07777);
    if (S_ISLNK(st->st_mode)) /* O_NOFOLLOW */
        return openat(place->directory, place->name, flags | O_NOFOLLOW);
    if ((flags & O_TMPFILE) != O_TMPFILE)
        flags &= ~O_CREAT;
    int wait = may_wait && !(flags & O_PATH) ? O_NONBLOCK : 0;
    return open(fd_name(place->object, name), (flags & ~O_NOFOLLOW) | wait, mode & 07777);
}

static long opened(int fd, const struct place *place, const struct stat *before, int flags)
{
    long result = job_add(fd, !(flags & O_PATH) && place->job_fd < 0 && allow_inside(place->path, true));
    if (result >= 0)
        since_opened(fd, place, before, flags);
    return result;
}

/* A FIFO opens for writing when there is a reader (fifo(7)): tries again until then, or until the job gives up. */
static long open_and_wait(const struct request *r, const struct place *place, const struct stat *st, int flags,
                          mode_t mode)
{
    for (;;) {
        int fd = open_there(place, st, flags, mode);
        if (fd >= 0)
            return opened(fd, place, st, flags);
        if (errno != ENXIO || !S_ISFIFO(st->st_mode) || (flags & O_NONBLOCK) || (r->head->flags & CALL_NO_WAIT))
            return -errno;
        if (!shadow_try_again())
            return REQUEST_ABANDONED;
    }
}

/* Argument i is the path. */
static long open_path(struct request *r, int i, int directory, int flags, mode_t mode)
{
    bool only_new = (flags & O_CREAT) && (flags & O_EXCL);
    struct place place;
    struct stat st = {0};
    if (!take_place(r, i, directory, (flags & O_NOFOLLOW) || only_new ? PATH_ENTRY : PATH_READ, 0, &place))
        return r->error;
    if (place.object >= 0 && only_new)
        return -EEXIST;
    if (place.object < 0 && !(flags & O_CREAT))
        return -ENOENT;
    if (place.object >= 0 && fstat(place.object, &st) != 0)
        return -errno;
    long problem = open_problem(&place, &st, flags);
    return problem != 0 ? problem : open_and_wait(r, &place, &st, flags, mode);
}

long serve_openat(struct request *r)
{
    return open_path(r, 1, take_directory(r, 0), (int)r->arguments[2], (mode_t)r->arguments[3]);
}

long serve_open(struct request *r)
{
    return open_path(r, 0, AT_FDCWD, (int)r->arguments[1], (mode_t)r->arguments[2]);
}

long serve_creat(struct request *r)
{
    return open_path(r, 0, AT_FDCWD, O_CREAT | O_WRONLY | O_TRUNC, (mode_t)r->arguments[1]);
}

long serve_close(struct request *r)
{
    int fd = take_fd(r, 0);
    if (r->error == 0)
        job_remove(fd);
    return r->error;
}

long serve_dup(struct request *r)
{
    int fd = take_fd(r, 0);
    if (r->error != 0)
        return r->error;
    int copy = fcntl(fd, F_DUPFD_CLOEXEC, 3);
    return copy < 0 ? -errno : job_add(copy, job_may_change(fd));
}

/* A second name for a file, in a folder where it may be changed: so the first must lie in such a folder as well. */
long serve_linkat(struct request *r)
{
    int from = take_directory(r, 0), to = take_directory(r, 2), flags = (int)r->arguments[4] & AT_SYMLINK_FOLLOW;
    struct place old, new;
    char name[FD_NAME_ROOM];
    if (!take_place(r, 1, from, PATH_ENTRY, flags, &old) || !take_place(r, 3, to, PATH_CHANGE, 0, &new))
        return r->error;
    if (old.object < 0 || new.job_fd >= 0)
        return old.object < 0 ? -ENOENT : -EEXIST;
    if (old.job_fd >= 0 ? !job_may_change(old.job_fd) : !allow_inside(old.path, true))
        return -EACCES;
    const char *object = fd_name(old.object, name); /* is what it means */
    int result = linkat(AT_FDCWD, object, new.directory, new.name, AT_SYMLINK_FOLLOW);
    return request_result(result);
}

/*
 * From file to file, at home, without a byte on the way.  Not so much at once that the job would be kept waiting.
 */
long serve_copy_file_range(struct request *r)
{
    int in = take_fd(r, 0), out = take_fd(r, 2);
    off_t *in_at = take_inout(r, 1, sizeof *in_at), *out_at = take_inout(r, 3, sizeof *out_at);
    size_t count = (size_t)r->arguments[4], most = 64UL << 20;
    if (r->error != 0)
        return r->error;
    return request_result(
        copy_file_range(in, in_at, out, out_at, count < most ? count : most, (unsigned)r->arguments[5]));
}
