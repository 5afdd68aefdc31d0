/*
 * kind_memfd.c - files in memory, without a name in any directory (memfd_create(2)), with their content and seals.
 *
 * One that was opened twice (through /proc/self/fd) has two entries with one inode: the first brings it back, the
 * others are opened from that.  No memfd is a device, so rdev is free: it keeps the seals.
 *
 * Seals (F_ADD_SEALS, fcntl(2)) come last, in the restorer: by then the content is there, and so are the mappings
 * (MAP_SHARED), which F_SEAL_FUTURE_WRITE would not allow to be made anew.  A mapping that is made for reading
 * can be turned to writing later, by mprotect(2), so the kernel refuses F_SEAL_WRITE beside it; what the
 * program had was a mapping that could not.  Then F_SEAL_FUTURE_WRITE is the nearest, and we say so.
 */
#include "open_kind.h"

#include <linux/memfd.h>

#ifndef MFD_EXEC
#define MFD_EXEC 0x10U /* Linux 6.3 */
#endif

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
    char name[NAME_MAX + SUFFIX_SIZE + 1];
    size_t length = strlen(path) - strlen(PREFIX); /* files in memory are always "deleted" */
    text_join(name, sizeof name, path + strlen(PREFIX), NULL);
    if (length > SUFFIX_SIZE && length < sizeof name)
        name[length - SUFFIX_SIZE] = '\0';
    long fd = sys_call(SYS_memfd_create, (long)name, MFD_CLOEXEC | MFD_ALLOW_SEALING | MFD_EXEC, 0, 0);
    return fd >= 0 ? fd : sys_call(SYS_memfd_create, (long)name, MFD_CLOEXEC | MFD_ALLOW_SEALING, 0, 0);
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
    long error = content_load(table, file, (int)made);
    if (error == 0)
        error = sys_call(SYS_fchmod, made, file->mode & 07777, 0, 0);
    long fd = error != 0 ? error : fd_reopen((int)made, flags); /* its own flags: perhaps it only reads */
    sys_close((int)made);
    return fd;
}

/* An entry of the same file may have done it already: then F_SEAL_SEAL refuses more. */
static long seal(int fd, long seals)
{
    if (sys_call(SYS_fcntl, fd, F_GET_SEALS, 0, 0) == seals)
        return 0;
    long error = sys_call(SYS_fcntl, fd, F_ADD_SEALS, seals, 0);
    if (error == -EBUSY)
        sys_call(SYS_fcntl, fd, F_ADD_SEALS, (seals & ~F_SEAL_WRITE) | F_SEAL_FUTURE_WRITE, 0);
    return error;
}

long kind_memfd_finish(const struct open_file_table *table, const struct open_file *file)
{
    if (file->rdev == 0)
        return 0;
    long fd = fd_reopen(file->fd, O_RDWR); /* only who may write may seal */
    long error = fd < 0 ? fd : seal((int)fd, (long)file->rdev);
    if (fd >= 0)
        sys_close((int)fd);
    if (error != 0)
        say("restart: descriptor ", text_number((uint64_t)file->fd, 10).digits, ", ", open_path(table, file),
            error == -EBUSY ? ": it is mapped, so it has F_SEAL_FUTURE_WRITE now, not F_SEAL_WRITE" :
            ": it is not sealed as it was (F_ADD_SEALS, fcntl(2))", NULL);
    return error;
}

const struct open_kind kind_memfd = {"memfd", is_memfd, save_memfd, open_memfd, NULL};
