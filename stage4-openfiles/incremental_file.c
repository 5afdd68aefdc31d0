/*
 * incremental_file.c - ckpt --incremental: the two files.  Given.
 *
 *     IMAGE            the last image
 *     IMAGE.spare      the one before: whole, too, and brought up to date next.  With %n "spare" is its number
 *     IMAGE.tmp.PID    the one that is being written: its header is void until it is whole
 *
 * A spare is written to only if it is the file that this run wrote, as it left it, under no other name, and nobody
 * has it open: a life that restart --lazy began, gdb, a copy under way.  The kernel tells (fcntl(2), F_SETLEASE).
 */
#include "incremental.h"
#include "lazy_pages.h"
#include "manners.h"

#define RENAME_EXCHANGE 2 /* renameat2(2), <linux/fs.h> */
#define CLONE _IOW(0x94, 9, int) /* FICLONE, ioctl_ficlone(2), the same */

static struct image_file describe(const struct stat *st, uint64_t when)
{
    return (struct image_file){st->st_dev, st->st_ino, (uint64_t)st->st_size, when, st->st_mtim};
}

bool incremental_is_file(const struct image_file *file, const struct stat *st)
{
    return S_ISREG(st->st_mode) && file->device == st->st_dev && file->inode == st->st_ino &&
           file->size == (uint64_t)st->st_size && file->modified.tv_sec == st->st_mtim.tv_sec &&
           file->modified.tv_nsec == st->st_mtim.tv_nsec;
}

static bool is_at(const char *path, const struct image_file *file)
{
    struct stat st;
    return sys_call(SYS_newfstatat, AT_FDCWD, (long)path, (long)&st, AT_SYMLINK_NOFOLLOW) == 0 &&
           incremental_is_file(file, &st);
}

void incremental_drop_spare(struct incremental *inc)
{
    if (inc->spare.when != 0 && is_at(inc->spare_path, &inc->spare))
        sys_unlink(inc->spare_path);
    inc->spare.when = 0;
}

/*
 * Has nobody else this file open?  A lease for writing is given to who is alone with it.  Whoever opens it in the
 * moment before the lease ends sends a signal, which would be SIGIO and kill; SIGWINCH harms nobody.
 */
static bool is_ours_alone(int fd)
{
    if (sys_call(SYS_fcntl, fd, F_SETSIG, SIGWINCH, 0) != 0 || sys_call(SYS_fcntl, fd, F_SETLEASE, F_WRLCK, 0) != 0)
        return false;
    sys_call(SYS_fcntl, fd, F_SETLEASE, F_UNLCK, 0);
    return true;
}

/* NULL, or why the spare, which is open now, cannot be used. */
static const char *why_not(const struct incremental *inc, long fd)
{
    struct stat st;
    if (fd < 0 || sys_call(SYS_fstat, fd, (long)&st, 0, 0) != 0 || !incremental_is_file(&inc->spare, &st))
        return "somebody else has changed the older one";
    if (st.st_nlink != 1)
        return "the older one has another name, too (a link)";
    return is_ours_alone((int)fd) ? NULL : "somebody has the older one open, or there are no leases (fcntl(2))";
}

/* The spare, under the name of a file that is being written; or negative. */
static long claim_spare(struct arena *arena)
{
    struct incremental *inc = arena->live->incremental;
    if (inc->spare.when == 0)
        return -ENOENT;
    if (!is_at(inc->spare_path, &inc->spare) || sys_rename(inc->spare_path, arena->temporary) != 0) {
        inc->anew = "the older one is not there any more, as it was";
        incremental_drop_spare(inc);
        return -ENOENT;
    }
    long fd = sys_open(arena->temporary, O_RDWR | O_NOFOLLOW | O_CLOEXEC, 0);
    inc->anew = why_not(inc, fd);
    if (inc->anew == NULL) {
        inc->since = inc->spare.when;
        inc->spare.when = 0;
        return fd;
    }
    inc->spare.when = 0;
    if (fd >= 0)
        sys_close((int)fd);
    return -EBUSY;
}

/* Who was killed has left a spare behind: there is not room for three on each disk. */
static void remove_stale(struct incremental *inc)
{
    image_names_spare(inc->spare_path, sizeof inc->spare_path);
    if (lazy_is_image(inc->spare_path))
        sys_unlink(inc->spare_path);
}

/*
 * Lets a new file share the last image's bytes, where the file system can do that (btrfs, XFS): then it is of that
 * one's age.  The last image stays as it is.
 */
static bool clone_last(struct incremental *inc, int to)
{
    struct stat st;
    long fd = inc->file_count == 0 ? -ENOENT
                                   : sys_open(inc->last_path, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC, 0);
    bool same = fd >= 0 && sys_call(SYS_fstat, fd, (long)&st, 0, 0) == 0 && incremental_is_file(inc->files, &st) &&
                sys_call(SYS_ioctl, to, (long)CLONE, fd, 0) == 0;
    if (fd >= 0)
        sys_close((int)fd);
    return same;
}

int incremental_open(struct arena *arena)
{
    struct incremental *inc = arena->live->incremental;
    inc->since = 0;
    inc->cloned = false;
    long fd = claim_spare(arena);
    if (fd >= 0)
        return (int)fd;
    if (inc->file_count == 0)
        remove_stale(inc);
    inc->anew = inc->anew != NULL ? inc->anew : "there is no older one yet";
    sys_unlink(arena->temporary); /* others may have it open: it stays as it is for them */
    fd = sys_open(arena->temporary, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
    inc->cloned = fd >= 0 && clone_last(inc, (int)fd);
    inc->since = inc->cloned ? inc->files[0].when : 0;
    return (int)fd;
}

/* What has the spare's name is removed if it is an image, another run's; else it stays, and there is no spare. */
bool incremental_keep_spare(struct incremental *inc, const char *from, const struct image_file *file)
{
    if (inc->spare.when != 0 || !is_at(from, file))
        return false;
    image_names_spare(inc->spare_path, sizeof inc->spare_path);
    bool free = sys_call(SYS_faccessat, AT_FDCWD, (long)inc->spare_path, F_OK, 0) == -ENOENT;
    if ((!free && !lazy_is_image(inc->spare_path)) || sys_rename(from, inc->spare_path) != 0)
        return false;
    inc->spare = *file;
    return true;
}

/* If the old image is ours the two change places in one step, where the file system can do that. */
static int take_name(struct arena *arena)
{
    struct live *live = arena->live;
    struct incremental *inc = live->incremental;
    const char *temporary = arena->temporary;
    const struct image_file old = inc->files[0];
    if (inc->file_count == 0 || !is_at(live->path, &old) ||
        arch_syscall(SYS_renameat2, AT_FDCWD, (long)temporary, AT_FDCWD, (long)live->path, RENAME_EXCHANGE, 0) != 0)
        return (int)sys_rename(temporary, live->path);
    inc->file_count = 0;
    if (!incremental_keep_spare(inc, temporary, &old))
        sys_unlink(temporary);
    return 0;
}

static void remember(struct incremental *inc, const struct stat *st)
{
    size_t kept = inc->file_count < inc->files_wanted ? inc->file_count : inc->files_wanted - 1;
    for (size_t i = kept; i > 0; i--)
        inc->files[i] = inc->files[i - 1];
    inc->files[0] = describe(st, inc->now);
    inc->file_count = kept + 1;
}

int incremental_close(struct arena *arena)
{
    struct stat st;
    int error = (int)sys_call(SYS_fstat, arena->live->image, (long)&st, 0, 0);
    long closed = sys_close(arena->live->image);
    error = error != 0 ? error : (int)closed;
    if (error == 0) {
        live_note_whole(arena->live, &st);
        error = take_name(arena);
    }
    if (error != 0)
        return error;
    struct incremental *inc = arena->live->incremental;
    remember(inc, &st);
    text_join(inc->last_path, sizeof inc->last_path, arena->live->path, NULL);
    return 0;
}
