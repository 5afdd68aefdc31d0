/*
 * kind_pipe.c - pipes and FIFOs, with the bytes that wait in them (pipe(7), fifo(7)).
 *
 * Each end is an entry of its own; the inode tells that they belong together:
 *
 *     3 read end  inode 77 | state, bytes          plan: the first makes the pipe, and fills it;
 *     4 write end inode 77 | state                       the others are opened from that one
 *
 * A pipe of which only one end is here comes back if nobody has the other end (end of file, or broken pipe).
 * Otherwise another process has it, and that process does not know of a restart: OPEN_LOST.
 *
 * (The kernel shows O_LARGEFILE in the flags of those; it means nothing for a pipe.)
 *
 * Pipes have packets (O_DIRECT): one read takes one packet, so each is a record of its own here.
 */
#include "open_kind.h"

#include <poll.h>
#include <asm/ioctls.h>

struct pipe_state {
    int32_t capacity; /* bytes */
    int32_t hung_up;  /* poll(2) says that nobody has the other end */
};
/* Behind it, at the first end that may read: the bytes, in records; each is a size and its bytes, padded to 8. */

static bool is_fifo(const struct fd_view *view)
{
    return S_ISFIFO(view->status.st_mode) && view->link[0] == '/';
}

static bool is_pipe(const struct fd_view *view)
{
    return S_ISFIFO(view->status.st_mode);
}

static bool reads(const struct open_file *file)
{
    return (file->flags & O_ACCMODE) != O_WRONLY && !(file->flags & O_PATH);
}

static bool writes(const struct open_file *file)
{
    return (file->flags & O_ACCMODE) != O_RDONLY;
}

static bool same_pipe(const struct open_file *a, const struct open_file *b)
{
    return a->inode == b->inode && a->device == b->device && S_ISFIFO(b->mode);
}

/* Is `fd`, of which the table knows nothing yet, an end of this pipe that does what this one does not? */
static bool is_other_end(const struct open_file *file, int fd)
{
    struct stat now;
    if (sys_call(SYS_fstat, fd, (long)&now, 0, 0) != 0 || now.st_ino != file->inode || now.st_dev != file->device)
        return false;
    long mode = sys_call(SYS_fcntl, fd, F_GETFL, 0, 0) & (O_ACCMODE | O_PATH);
    return mode == O_RDWR || mode == (reads(file) ? O_WRONLY : O_RDONLY);
}

/* 0, 1 and 2 do not count: they will be restart's own. */
static bool has_other_end(const struct open_file_table *table, const struct open_file *file)
{
    if (reads(file) && writes(file))
        return true;
    for (const struct open_file *other = table->files; other < file; other++)
        if (same_pipe(file, other) && !other->pre_opened && (reads(file) ? writes(other) : reads(other)))
            return true;
    for (const struct open_file *other = file + 1; other < table->files + table->count; other++)
        if (other->fd > STDERR_FILENO && is_other_end(file, other->fd))
            return true;
    return false;
}

/* 0, 1 or 2, if it is the same end of the same pipe, opened once more (/dev/stderr): it will be restart's own. */
static const struct open_file *standard_end(const struct open_file_table *table, const struct open_file *file)
{
    for (const struct open_file *other = table->files; other < file; other++)
        if (same_pipe(file, other) && other->pre_opened && (file->flags & O_ACCMODE) == (other->flags & O_ACCMODE))
            return other;
    return NULL;
}

/* The first of this pipe's ends that may read keeps the bytes. */
static bool keeps_bytes(const struct open_file_table *table, const struct open_file *file)
{
    for (const struct open_file *other = table->files; other < file; other++)
        if (same_pipe(file, other) && reads(other))
            return false;
    return reads(file);
}

static long poll_now(int fd)
{
    struct pollfd poll = {.fd = fd};
    struct timespec now = {0, 0};
    long n = arch_syscall(SYS_ppoll, (long)&poll, 1, (long)&now, 0, 8, 0);
    return n < 0 ? n : poll.revents;
}

/* The next bytes of `from`: as many as one read gives.  A packet has up to a page: not PIPE_BUF everywhere. */
static long save_record(struct files_save *save, struct open_file *file, int from)
{
    uint64_t at;
    char *to = extra_add(save, sizeof(uint64_t) + ARCH_PAGE_SIZE, &at);
    long n = to == NULL ? -EFBIG : sys_read(from, to + sizeof n, ARCH_PAGE_SIZE);
    if (n <= 0)
        return n == 0 ? -EIO : n;
    uint64_t whole = sizeof(uint64_t) + round_up((uint64_t)n, 8);
    save->content += whole;
    memcpy(to, &n, sizeof n);
    save->table->extra_size = at + whole;
    file->data_size += whole;
    return save->content > OPEN_CONTENT_LIMIT ? -EFBIG : n;
}

/* tee(2) copies without taking: the program's bytes stay where they are. */
static long save_bytes(struct files_save *save, struct open_file *file, long capacity)
{
    int waiting = 0, ours[2];
    long error = sys_call(SYS_ioctl, file->fd, FIONREAD, (long)&waiting, 0);
    if (error != 0 || waiting == 0)
        return error;
    error = sys_call(SYS_pipe2, (long)ours, O_CLOEXEC | O_NONBLOCK, 0, 0);
    if (error != 0)
        return error;
    sys_call(SYS_fcntl, ours[1], F_SETPIPE_SZ, capacity, 0); /* if it may not: perhaps they fit as it is */
    long left = sys_call(SYS_tee, file->fd, ours[1], waiting, SPLICE_F_NONBLOCK);
    error = left < 0 ? left : left < waiting ? -ENOBUFS : 0;
    while (error == 0 && left > 0) {
        long n = save_record(save, file, ours[0]);
        error = n < 0 ? n : 0;
        left -= n;
    }
    sys_close(ours[0]);
    sys_close(ours[1]);
    return error;
}

static long save_state(struct files_save *save, struct open_file *file, long events)
{
    long capacity = sys_call(SYS_fcntl, file->fd, F_GETPIPE_SZ, 0, 0);
    struct pipe_state state = {(int32_t)capacity, (events & (POLLHUP | POLLERR)) != 0};
    long error = capacity < 0 ? capacity : save_data(save, file, &state, sizeof state);
    if (error == 0 && keeps_bytes(save->table, file))
        error = save_bytes(save, file, capacity);
    return error;
}

static long save_pipe(struct files_save *save, struct open_file *file)
{
    long events = poll_now(file->fd);
    if (file->pre_opened || (file->flags & O_PATH) || standard_end(save->table, file) != NULL)
        return 0;
    if (events < 0)
        return events;
    if (!(events & (POLLHUP | POLLERR)) && !has_other_end(save->table, file)) {
        file->kind = OPEN_LOST;
        return 0;
    }
    return save_state(save, file, events);
}

/* A FIFO whose path leads to it no longer is as good as a pipe. */
static long save_fifo(struct files_save *save, struct open_file *file)
{
    struct stat now;
    const char *path = open_path(save->table, file);
    long error = sys_call(SYS_newfstatat, AT_FDCWD, (long)path, (long)&now, 0);
    if (file->pre_opened || (file->flags & O_PATH))
        return 0;
    if (error == 0 && now.st_ino == file->inode && now.st_dev == file->device)
        return save_state(save, file, poll_now(file->fd));
    file->kind = OPEN_PIPE;
    return save_pipe(save, file);
}

/* Packets are written as packets: if a writer of the program does, or if they cannot have been anything else. */
static bool has_packets(const struct open_file_table *table, const struct open_file *file, uint64_t first_size)
{
    uint64_t record = sizeof(uint64_t) + round_up(first_size, 8);
    if (first_size < ARCH_PAGE_SIZE && file->data_size > sizeof(struct pipe_state) + record)
        return true;
    for (const struct open_file *other = table->files; other < table->files + table->count; other++)
        if (same_pipe(file, other) && writes(other) && (other->flags & O_DIRECT))
            return true;
    return false;
}

static long write_records(const struct open_file_table *table, const struct open_file *file, int to)
{
    const char *data = open_data(table, file);
    uint64_t size, at = sizeof(struct pipe_state);
    while (file->data_size - at >= sizeof size) {
        memcpy(&size, data + at, sizeof size);
        if (at == sizeof(struct pipe_state) && has_packets(table, file, size))
            sys_call(SYS_fcntl, to, F_SETFL, O_DIRECT | O_NONBLOCK, 0);
        at += sizeof size;
        if (size == 0 || size > ARCH_PAGE_SIZE || size > file->data_size - at)
            return -EINVAL;
        long n = sys_write(to, data + at, size);
        if (n != (long)size)
            return n < 0 ? n : -EIO;
        at += round_up(size, 8) < file->data_size - at ? round_up(size, 8) : file->data_size - at;
    }
    return 0;
}

/* What waits in it now, is somebody else's: then nothing is added. */
static long fill(const struct open_file_table *table, const struct open_file *file, int fd)
{
    int waiting = 0;
    if (!reads(file) || file->data_size <= sizeof(struct pipe_state) ||
        sys_call(SYS_ioctl, fd, FIONREAD, (long)&waiting, 0) != 0 || waiting > 0)
        return 0;
    long to = fd_reopen(fd, O_WRONLY | O_NONBLOCK);
    if (to < 0)
        return to;
    long error = write_records(table, file, (int)to);
    sys_close((int)to);
    return error;
}

/* An end that is open gets its flags, the pipe its capacity and its bytes.  Closed again, if that fails. */
static long complete(const struct open_file_table *table, const struct open_file *file, int fd)
{
    struct pipe_state state = {0};
    if (file->data_size >= sizeof state)
        memcpy(&state, open_data(table, file), sizeof state);
    long now = sys_call(SYS_fcntl, fd, F_GETPIPE_SZ, 0, 0);
    if (state.capacity > 0 && now != state.capacity &&
        sys_call(SYS_fcntl, fd, F_SETPIPE_SZ, state.capacity, 0) < 0)
        say("restart: descriptor ", text_number((uint64_t)file->fd, 10).digits, ", ", open_path(table, file),
            ": it holds less than it did (/proc/sys/fs/pipe-max-size)", NULL);
    long error = fill(table, file, fd);
    if (error == 0)
        error = sys_call(SYS_fcntl, fd, F_SETFL, file->flags, 0);
    if (error == 0)
        return fd;
    sys_close(fd);
    return error;
}

/* One end of a new pipe; the other is opened from it, or closed for good. */
static long make_pipe(const struct open_file *file)
{
    int ends[2];
    long error = sys_call(SYS_pipe2, (long)ends, O_CLOEXEC, 0, 0);
    if (error != 0)
        return error;
    long fd = reads(file) && writes(file) ? fd_reopen(ends[0], O_RDWR) : reads(file) ? ends[0] : ends[1];
    if (fd != ends[0])
        sys_close(ends[0]);
    if (fd != ends[1])
        sys_close(ends[1]);
    return fd;
}

static long open_pipe(const struct open_file_table *table, const struct open_file *file)
{
    const struct open_file *peer = open_peer(table, file), *standard = standard_end(table, file);
    if (file->flags & O_PATH)
        return peer != NULL ? fd_reopen(peer->real_fd, O_PATH) : -ENXIO;
    if (standard != NULL)
        return sys_call(SYS_fcntl, standard->real_fd, F_DUPFD_CLOEXEC, 0, 0);
    long fd = peer != NULL ? fd_reopen(peer->real_fd, (int)(file->flags & O_ACCMODE)) : make_pipe(file);
    return fd < 0 ? fd : complete(table, file, (int)fd);
}

/* Whoever waits at the other end would go on, so for now it is only found, and asked if we may open it. */
static long open_fifo(const struct open_file_table *table, const struct open_file *file)
{
    struct stat now;
    const char *path = open_path(table, file);
    long access = (reads(file) ? R_OK : 0) | (writes(file) ? W_OK : 0);
    long error = sys_call(SYS_newfstatat, AT_FDCWD, (long)path, (long)&now, 0);
    if (error == 0 && !S_ISFIFO(now.st_mode))
        return -ENODEV;
    if (error == 0)
        error = sys_call(SYS_faccessat, AT_FDCWD, (long)path, access, 0);
    return error != 0 ? error : sys_open(path, O_PATH | O_CLOEXEC, 0);
}

/*
 * open(2) of a FIFO waits for the other end, or says that there is none (ENXIO).  An end of our own for both
 * directions helps over that.  A reader does not need it; but with it, it hears afterwards that the writer has
 * gone, and without, that none came yet: poll(2) tells the two apart.
 */
static long commit_fifo(const struct open_file_table *table, const struct open_file *file)
{
    struct pipe_state state = {0};
    if (file->flags & O_PATH)
        return 0;
    if (file->data_size >= sizeof state)
        memcpy(&state, open_data(table, file), sizeof state);
    long helper = !reads(file) || state.hung_up ? fd_reopen(file->real_fd, O_RDWR | O_NONBLOCK) : -1;
    long fd = fd_reopen(file->real_fd, (int)(file->flags & O_ACCMODE) | O_NONBLOCK);
    if (helper >= 0)
        sys_close((int)helper);
    return fd_replace(fd < 0 ? fd : complete(table, file, (int)fd), file->real_fd);
}

const struct open_kind kind_fifo = {"FIFO", is_fifo, save_fifo, open_fifo, commit_fifo};
const struct open_kind kind_pipe = {"pipe", is_pipe, save_pipe, open_pipe, NULL};
