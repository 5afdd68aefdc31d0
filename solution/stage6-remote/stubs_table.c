/*
 * stubs_table.c - the calls that change the Open File Table: open, close, dup and their relatives, by hand.
 *
 * Each does two things: at home the shadow opens, copies or closes its own descriptor; here a placeholder takes or
 * frees the number.  A copy of a descriptor is a copy at home, too: so offsets are shared, and locks end, as they
 * would.
 */
#include "remote_table.h"
#include "syscall_stubs.h"
#include "text.h"

#include <sys/resource.h>

static long close_at_home(long real)
{
    long arguments[CALL_ARGUMENTS] = {real};
    return remote_close(arguments);
}

static long copy_at_home(long real)
{
    long arguments[CALL_ARGUMENTS] = {real};
    return remote_dup(arguments);
}

/* `real` is open at home: gives it a number here, or closes it again. */
static long number_for(long real, long from, int flags, const struct remote_file *like)
{
    if (real < 0)
        return real;
    long fd = table_add((int)real, from, flags, like);
    if (fd < 0)
        close_at_home(real);
    return fd;
}

/* For people: the end of a path is what tells files apart. */
static void note_path(struct remote_file *file, const char *path)
{
    size_t length = strlen(path), room = sizeof file->path - 1;
    memcpy(file->path, length > room ? path + (length - room) : path, (length > room ? room : length) + 1);
}

/* open(2) of whatever is at home: the shadow's number gets a placeholder here. */
static long open_at_home(long *arguments)
{
    struct remote_file file = {.no_wait = (arguments[2] & O_NONBLOCK) != 0};
    note_path(&file, (const char *)arguments[1]); // NOLINT: call_path() has looked at it
    return number_for(remote_openat(arguments), 0, (int)arguments[2], &file);
}

/* A file of this machine's: of /proc and /sys; no link there shall lead to another. */
static long open_here(struct trap *trap, long directory, long path, long flags, long mode)
{
    trap->number = SYS_openat;
    trap->arguments[0] = directory;
    trap->arguments[1] = path;
    trap->arguments[2] = flags;
    trap->arguments[3] = mode;
    return CALL_LOCAL;
}

static long open_anywhere(struct trap *trap, long directory, long path, long flags, long mode)
{
    long arguments[CALL_ARGUMENTS] = {directory, path, flags, mode};
    if (!readable((const void *)path)) // NOLINT
        return -EFAULT;
    enum side side = map_at(&arguments[0], (const char *)path); // NOLINT
    if (side == HERE)
        return open_here(trap, directory, path, flags, mode);
    return side == NOWHERE ? -EACCES : open_at_home(arguments);
}

long stub_openat(struct trap *trap)
{
    const long *a = trap->arguments;
    return open_anywhere(trap, a[0], a[1], a[2], a[3]);
}

long stub_open(struct trap *trap)
{
    const long *a = trap->arguments;
    return open_anywhere(trap, AT_FDCWD, a[0], a[1], a[2]);
}

long stub_creat(struct trap *trap)
{
    const long *a = trap->arguments;
    return open_anywhere(trap, AT_FDCWD, a[0], O_WRONLY | O_CREAT | O_TRUNC, a[1]);
}

long stub_close(struct trap *trap)
{
    //@ step 6.5 Close a descriptor.
    //@ trap->arguments[0] is the program's number. table_find() has its entry if it is open at home: then
    //@ close_at_home() the shadow's (`real`), table_remove() the number, and return what home said; the number is
    //@ free even if that is an error (close(2)). What is not in the table is this kernel's: CALL_LOCAL. But our own
    //@ descriptors are not open as far as the program knows: -EBADF for what remote_call_owns().
    //@ stub: (void)close_at_home;
    //@ stub: return CALL_LOCAL;
    long fd = (int)trap->arguments[0];
    const struct remote_file *file = table_find(fd);
    if (remote_call_owns(fd))
        return -EBADF;
    if (file == NULL)
        return CALL_LOCAL;
    long result = close_at_home(file->real);
    table_remove(fd);
    return result;
    //@ end
}

/* close_range(2) in pieces: what is home's by close_at_home(), what lies between, in one go. */
long stub_close_range(struct trap *trap)
{
    uint64_t first = (unsigned)trap->arguments[0], last = (unsigned)trap->arguments[1], from = first;
    long flags = trap->arguments[2], error = 0;
    if (first > last)
        return -EINVAL;
    for (uint64_t fd = first; fd <= last && fd < TABLE_SIZE * 64; fd++) {
        const struct remote_file *file = table_find((long)fd);
        bool ours = remote_call_owns((long)fd);
        if ((file == NULL || (flags & CLOSE_RANGE_CLOEXEC)) && !ours)
            continue;
        if (fd > from)
            error = sys_call(SYS_close_range, (long)from, (long)fd - 1, flags, 0);
        from = fd + 1;
        if (!ours)
            close_at_home(file->real);
        if (!ours)
            table_remove((long)fd);
    }
    return from <= last && error == 0 ? sys_call(SYS_close_range, (long)from, (long)last, flags, 0) : error;
}

long stub_dup(struct trap *trap)
{
    //@ step 6.5 Copy a descriptor.
    //@ If it is open at home (table_find()): copy_at_home() its real number, and number_for() that: the lowest
    //@ number from 0 on, no flags, and an entry like the old one. Else CALL_LOCAL.
    //@ stub: (void)copy_at_home;
    //@ stub: return CALL_LOCAL;
    const struct remote_file *file = table_find((int)trap->arguments[0]);
    if (file == NULL)
        return CALL_LOCAL;
    return number_for(copy_at_home(file->real), 0, 0, file);
    //@ end
}

/* dup2(2) to a number that nobody can have.  It is refused before anything is copied or closed. */
static bool is_out_of_reach(long to, bool home)
{
    struct rlimit limit;
    sys_call(SYS_prlimit64, 0, RLIMIT_NOFILE, 0, (long)&limit);
    return to < 0 || (uint64_t)to >= limit.rlim_cur || (home && to >= TABLE_SIZE);
}

/*
 * `to` becomes what `from` is.  What was there is closed, when nothing can fail any more: at home, if it was
 * home's; here the kernel does it.
 */
static long copy_to(struct trap *trap, long from, long to, int flags)
{
    const struct remote_file *file = table_find(from);
    struct remote_file old = table_find(to) != NULL ? *table_find(to) : (struct remote_file){0};
    if (remote_call_owns(from) || is_out_of_reach(to, file != NULL))
        return -EBADF;
    if (remote_call_owns(to))
        remote_call_give_way(to);
    if (file == NULL && sys_call(SYS_fcntl, from, F_GETFD, 0, 0) < 0)
        return -EBADF;
    long real = file == NULL ? 0 : copy_at_home(file->real);
    if (real < 0)
        return real;
    long fd = file != NULL ? table_put((int)real, to, flags, file) : CALL_LOCAL;
    if (file != NULL && fd < 0)
        close_at_home(real);
    else if (old.used)
        close_at_home(old.real);
    if (file == NULL && old.used)
        table_remove(to);
    return fd;
}

long stub_dup2(struct trap *trap)
{
    long from = (int)trap->arguments[0], to = (int)trap->arguments[1];
    return from == to ? CALL_LOCAL : copy_to(trap, from, to, 0);
}

long stub_dup3(struct trap *trap)
{
    long from = (int)trap->arguments[0], to = (int)trap->arguments[1];
    int flags = (int)trap->arguments[2];
    return from == to || (flags & ~O_CLOEXEC) ? -EINVAL : copy_to(trap, from, to, flags);
}

static long copy_from(struct trap *trap, int flags)
{
    const struct remote_file *file = table_find((int)trap->arguments[0]);
    if (file == NULL)
        return remote_call_owns((int)trap->arguments[0]) ? -EBADF : CALL_LOCAL;
    if ((int)trap->arguments[2] < 0)
        return -EINVAL;
    return number_for(copy_at_home(file->real), (int)trap->arguments[2], flags, file);
}

long stub_fcntl_F_DUPFD(struct trap *trap)
{
    return copy_from(trap, 0);
}

long stub_fcntl_F_DUPFD_CLOEXEC(struct trap *trap)
{
    return copy_from(trap, O_CLOEXEC);
}

/*
 * O_NONBLOCK is the job's alone: home's file, which others may have open too (a terminal), stays as it is.  It
 * counts for this descriptor, not for its copies.  O_NOFOLLOW is the shadow's: it has followed all links itself.
 */
long stub_fcntl_F_GETFL(struct trap *trap)
{
    const struct remote_file *file = table_find((int)trap->arguments[0]);
    if (file == NULL)
        return CALL_LOCAL;
    long arguments[CALL_ARGUMENTS] = {file->real, F_GETFL}, flags = remote_fcntl_F_GETFL(arguments);
    return flags < 0 ? flags : (flags & ~(O_NONBLOCK | O_NOFOLLOW)) | (file->no_wait ? O_NONBLOCK : 0);
}

long stub_fcntl_F_SETFL(struct trap *trap)
{
    struct remote_file *file = table_find((int)trap->arguments[0]);
    long flags = trap->arguments[2];
    if (file == NULL)
        return CALL_LOCAL;
    long arguments[CALL_ARGUMENTS] = {file->real, F_SETFL, flags & ~O_NONBLOCK};
    long error = remote_fcntl_F_SETFL(arguments);
    if (error == 0)
        file->no_wait = (flags & O_NONBLOCK) != 0;
    return error;
}

/* The other way to ask for it. */
long stub_ioctl_FIONBIO(struct trap *trap)
{
    struct remote_file *file = table_find((int)trap->arguments[0]);
    const int *on = (const int *)trap->arguments[2]; // NOLINT
    if (file == NULL)
        return CALL_LOCAL;
    if (!readable(on))
        return -EFAULT;
    file->no_wait = *on != 0;
    return 0;
}
