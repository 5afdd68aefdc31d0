/*
 * kind_memfd.c - files in memory, without a name in any directory (memfd_create(2)), with their content and seals.
 *
 * One that was opened twice (through /proc/self/fd) has two entries with one inode: the first brings it back, the
 * others are opened from that.  No memfd is a device, so rdev is free: it keeps the seals.
 *
 * Seals are given back at two times:
 *
 *     plan      all that forbid to write, shrink, grow: the content is there by then.  Under F_SEAL_WRITE there
 *               was no writable mapping, so nobody will want to make one
 *     restorer  F_SEAL_FUTURE_WRITE, which lets old mappings write, and allows no new ones: ours are new;
 *               and F_SEAL_SEAL, after which no seal can be added
 */
#include "open_kind.h"

#include <linux/memfd.h>

#ifndef MFD_EXEC
#define MFD_EXEC 0x10U /* Linux 6.3 */
#endif

#define LATE_SEALS (F_SEAL_FUTURE_WRITE | F_SEAL_SEAL)
#define PREFIX "/memfd:"
#define SUFFIX_SIZE (sizeof " (deleted)" - 1)

static bool is_memfd(const struct fd_view *view)
{
    return S_ISREG(view->status.st_mode) && text_starts(view->link, PREFIX) &&
           sys_call(SYS_fcntl, view->fd, F_GET_SEALS, 0, 0) >= 0;
}

/* Huge pages cannot be written like a file: OPEN_LOST; lost_reason() says so. */
static long save_memfd(struct files_save *save, struct open_file *file)
{
    if (save->view->status.st_blksize > (long)ARCH_PAGE_SIZE) {
        file->kind = OPEN_LOST;
        return 0;
    }
    file->rdev = (uint64_t)sys_call(SYS_fcntl, file->fd, F_GET_SEALS, 0, 0);
    for (const struct open_file *other = save->table->files; other < file; other++)
        if (other->kind == OPEN_MEMFD && other->inode == file->inode && other->device == file->device)
            return 0; /* that one has the content */
    long fd = fd_reopen(file->fd, O_RDONLY);
    if (fd < 0)
        return fd;
    long error = content_save(save, file, (int)fd, file->size);
    sys_close((int)fd);
    return error;
}

/* Kernels may ask to be told whether it may be executed (vm.memfd_noexec), and old ones do not know the flag. */
static long create(const char *path)
{
    char name[NAME_MAX + 1];
    size_t length = strlen(path) - strlen(PREFIX); /* files in memory are always "deleted" */
    text_join(name, sizeof name, path + strlen(PREFIX), NULL);
    if (length > SUFFIX_SIZE && length <= NAME_MAX)
        name[length - SUFFIX_SIZE] = '\0';
    long fd = sys_call(SYS_memfd_create, (long)name, MFD_CLOEXEC | MFD_ALLOW_SEALING | MFD_EXEC, 0, 0);
    return fd >= 0 ? fd : sys_call(SYS_memfd_create, (long)name, MFD_CLOEXEC | MFD_ALLOW_SEALING, 0, 0);
}

/* The content, then the mode, then the seals, which may forbid to change either. */
static long complete(const struct open_file_table *table, const struct open_file *file, int fd)
{
    long error = content_load(table, file, fd);
    if (error == 0)
        error = sys_call(SYS_fchmod, fd, file->mode & 07777, 0, 0);
    if (error == 0 && (file->rdev & ~(uint64_t)LATE_SEALS) != 0)
        error = sys_call(SYS_fcntl, fd, F_ADD_SEALS, (long)(file->rdev & ~(uint64_t)LATE_SEALS), 0);
    return error;
}

static long open_memfd(const struct open_file_table *table, const struct open_file *file)
{
    const struct open_file *peer = open_peer(table, file);
    int flags = (int)(file->flags & ~(uint32_t)(O_CREAT | O_EXCL | O_TRUNC));
    if (peer != NULL)
        return fd_reopen(peer->real_fd, flags);
    if (!text_starts(open_path(table, file), PREFIX))
        return -EINVAL;
    long made = create(open_path(table, file));
    if (made < 0)
        return made;
    long error = complete(table, file, (int)made);
    long fd = error != 0 ? error : fd_reopen((int)made, flags); /* its own flags: perhaps it only reads */
    sys_close((int)made);
    return fd;
}

long kind_memfd_finish(const struct open_file_table *table, const struct open_file *file)
{
    uint64_t late = file->rdev & LATE_SEALS;
    if (late == 0)
        return 0;
    long fd = fd_reopen(file->fd, O_RDWR);
    long error = fd < 0 ? fd : sys_call(SYS_fcntl, fd, F_ADD_SEALS, (long)late, 0);
    if (fd >= 0)
        sys_close((int)fd);
    if (error == -EPERM) /* an entry of the same file has done it already */
        error = 0;
    if (error != 0)
        say("restart: descriptor ", text_number((uint64_t)file->fd, 10).digits, ", ", open_path(table, file),
            ": it is not sealed as it was (F_ADD_SEALS, fcntl(2))", NULL);
    return error;
}

const struct open_kind kind_memfd = {"memfd", is_memfd, save_memfd, open_memfd};
