/*
 * open_files.h - the Open File Table: one entry for each descriptor of the program, as Condor had it
 * (Litzkow and Solomon, "Supporting Checkpointing and Process Migration Outside the UNIX Kernel", 1992).
 *
 * NOTE_FILES is the table, as it stands in memory:
 *
 *     | struct open_file_table | files[0] | files[1] | ... | extra: paths, and what each kind adds |
 *                                                            ^ path, data: bytes from here
 *
 * Two descriptors can show one open file description (open(2)), by dup(2) or fork(2): then they share an
 * offset and the status flags.  The lowest of them is its owner; the others name it in dup_of, and only
 * fd, dup_of and close_on_exec are their own.
 */
#ifndef CKPT_OPEN_FILES_H
#define CKPT_OPEN_FILES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* What a descriptor shows; open_kind.h has what each kind can do.  Part of the image: append only. */
enum open_kind_number {
    OPEN_LOST,      /* cannot come back: a socket, a device, a pipe to another process, ... */
    OPEN_FILE,      /* a regular file, by its path; or its content, if it has none any more */
    OPEN_DIRECTORY,
    OPEN_DEVICE,    /* /dev/null and its family */
    OPEN_TERMINAL,
    OPEN_FIFO,      /* a named pipe */
    OPEN_PIPE,      /* both ends are in the process, or the other is gone */
    OPEN_MEMFD,
    OPEN_EVENTFD,
    OPEN_TIMERFD,
    OPEN_SIGNALFD,
    OPEN_EPOLL,
    OPEN_INOTIFY,
    OPEN_KINDS,
};

struct open_file {
    int32_t fd;            /* the number that the program knows */
    int32_t dup_of;        /* the lowest descriptor of the same open file description; fd itself: it is this one */
    uint32_t kind;         /* enum open_kind_number */
    uint32_t flags;        /* access mode and status flags: the O_ bits of open(2), without O_CLOEXEC */
    uint8_t close_on_exec; /* fcntl(2), FD_CLOEXEC */
    uint8_t pre_opened;    /* 0, 1, 2: the program was born with it */
    uint8_t deleted;       /* the path leads to it no longer: its content is in data */
    uint8_t remote;        /* it is open on another machine */
    int32_t real_fd;       /* while a restart is under way: where it is open; -1: nowhere */
    uint32_t mode;         /* st_mode, inode(7) */
    uint32_t path;         /* a string in extra; for what has no path, the kernel's name, "pipe:[123]" */
    uint64_t offset;       /* bytes, where the next read or write happens */
    uint64_t device, inode, rdev, size; /* stat(2), at the checkpoint */
    int64_t mtime_seconds, mtime_nanoseconds;
    uint64_t data, data_size;   /* what the kind keeps besides, in extra; data is a multiple of 8 */
    uint64_t locks, lock_count; /* struct file_lock [], in extra */
};

/* A lock that somebody could wait for.  `end` is its last byte. */
struct file_lock {
    uint32_t type;      /* enum file_lock_type */
    uint32_t exclusive; /* for writing, not for reading */
    uint64_t start, end;
};

enum file_lock_type {
    LOCK_FLOCK, /* flock(2): of the open file description, on the whole file */
    LOCK_POSIX, /* fcntl(2), F_SETLK: of the process */
    LOCK_OFD,   /* fcntl(2), F_OFD_SETLK: of the open file description */
};

#define LOCK_TO_END UINT64_MAX /* also of what the file grows to */

struct open_file_table {
    uint32_t count;
    uint32_t pid;        /* of the first life: /proc/PID/... is another process now */
    uint64_t extra_size; /* bytes */
    struct open_file files[]; /* ascending by fd */
};

/* All content of deleted files, pipes and memfds together that an image takes: bytes. */
#define OPEN_CONTENT_LIMIT (32UL << 20)

static inline const char *open_extra(const struct open_file_table *table)
{
    return (const char *)(table->files + table->count);
}

static inline const char *open_path(const struct open_file_table *table, const struct open_file *file)
{
    return open_extra(table) + file->path;
}

/* The entry of a descriptor of the program, or NULL. */
static inline const struct open_file *open_entry(const struct open_file_table *table, int fd)
{
    for (const struct open_file *file = table->files; file < table->files + table->count; file++)
        if (file->fd == fd)
            return file;
    return NULL;
}

/* Can a person say where it is, in a line of text?  Of pipes, files without a name and the like nobody can. */
static inline bool open_has_path(const struct open_file *file)
{
    if (file->kind == OPEN_FILE)
        return !file->deleted;
    return file->kind == OPEN_DIRECTORY || file->kind == OPEN_DEVICE || file->kind == OPEN_FIFO ||
           file->kind == OPEN_TERMINAL;
}

/* files_check.c: NULL if this table, `size` bytes of anybody's, can be believed; else what is wrong.  No libc. */
const char *files_check(const struct open_file_table *table, size_t size);

static inline const void *open_data(const struct open_file_table *table, const struct open_file *file)
{
    return open_extra(table) + file->data;
}

#endif
