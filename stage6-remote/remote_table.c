/*
 * remote_table.c - the Open File Table of a running job (remote_table.h), and map().
 *
 * It lies in the job's memory, so it is in every image, and the next life has it; and the placeholders come back by
 * the room of all open files (part_files.c), as the eventfds that they are.
 */
#include "remote_table.h"

static struct remote_file table[TABLE_SIZE];

struct remote_file *table_find(long fd)
{
    return fd >= 0 && fd < TABLE_SIZE && table[fd].used ? &table[fd] : NULL;
}

enum side map(long *fd)
{
    /* TODO 6.4: Where is this descriptor open?
     * *fd is the program's number. AT_FDCWD is at HOME, and stays as it is. table_find() has the entries of what
     * is open at home: then *fd becomes the shadow's number, `real`, and the side is HOME. All other numbers are
     * this kernel's: HERE. Compare as int: the kernel looks at the lower half of the register only.
     */
    return HERE;
}

/*
 * A number that nobody uses, as POSIX says it: the lowest.  It can be neither read nor written to by accident; and
 * who tries does not wait: some kernels (Linux 6.1) add the bytes of a text to the counter, until no more fits.
 */
static long placeholder(long from, int flags)
{
    long fd = sys_call(SYS_eventfd2, 0, O_NONBLOCK | (flags & O_CLOEXEC), 0, 0);
    if (fd < 0 || fd >= from)
        return fd;
    long higher = sys_call(SYS_fcntl, fd, flags & O_CLOEXEC ? F_DUPFD_CLOEXEC : F_DUPFD, from, 0);
    sys_close((int)fd);
    return higher;
}

long table_note(int real, long fd, const struct remote_file *like)
{
    if (like != NULL)
        table[fd] = *like;
    table[fd].used = true;
    table[fd].real = real;
    return fd;
}

long table_add(int real, long from, int flags, const struct remote_file *like)
{
    long fd = placeholder(from, flags);
    if (fd < TABLE_SIZE)
        return fd < 0 ? fd : table_note(real, fd, like);
    sys_close((int)fd);
    return -EMFILE;
}

long table_put(int real, long fd, int flags, const struct remote_file *like)
{
    if (fd < 0 || fd >= TABLE_SIZE)
        return -EBADF;
    if (table[fd].used) { /* its placeholder stays */
        sys_call(SYS_fcntl, fd, F_SETFD, flags & O_CLOEXEC ? FD_CLOEXEC : 0, 0);
        return table_note(real, fd, like);
    }
    long new = sys_call(SYS_eventfd2, 0, O_NONBLOCK, 0, 0), error = new;
    if (new >= 0 && new != fd) {
        error = sys_call(SYS_dup3, new, fd, flags & O_CLOEXEC, 0);
        sys_close((int)new);
    }
    return error < 0 ? error : table_note(real, fd, like);
}

void table_remove(long fd)
{
    table[fd] = (struct remote_file){0};
    sys_close((int)fd);
}
