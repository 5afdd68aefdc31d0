/*
 * remote_table.h - the Open File Table while the job runs: which of its descriptors are open at home.
 *
 *     user fd     here (this kernel)         at home (the shadow)
 *        0        placeholder                0
 *        3        placeholder                7      <- two files of the same
 *        7        a pipe of the job's own              real number, 7, never meet
 *
 * A placeholder is an eventfd(2) of our own that keeps the number taken, so that the kernel gives out numbers as
 * POSIX says.  A descriptor that is open here has the same number in the table and in this kernel.  A number that
 * is not in the table is this kernel's.
 */
#ifndef CKPT_REMOTE_TABLE_H
#define CKPT_REMOTE_TABLE_H

#include "remote_call.h"

#define TABLE_SIZE 1024 /* descriptors that can be open at home */

struct remote_file {
    bool used;
    bool no_wait;    /* O_NONBLOCK, which is the job's wish; the shadow's file keeps its own */
    int real;        /* the shadow's descriptor */
    char path[96];   /* as it was opened, for people; the last bytes of a long one */
};

/* The entry of descriptor fd, or NULL: it is not open at home. */
struct remote_file *table_find(long fd);

/*
 * A new descriptor of the program's for `real`: the lowest that is free, from `from` on.  flags: O_CLOEXEC.
 * Returns it, or -errno (-EMFILE): then `real` is still open at home.
 */
long table_add(int real, long from, int flags, const struct remote_file *like);

/* The same at number fd, which is free or a placeholder. */
long table_put(int real, long fd, int flags, const struct remote_file *like);

/* The entry of fd, whose placeholder is there, or will be. */
long table_note(int real, long fd, const struct remote_file *like);

/* fd is no longer open at home; its number is free.  The caller has closed, or will close, what it was there. */
void table_remove(long fd);

#endif
