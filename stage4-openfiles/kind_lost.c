/*
 * kind_lost.c - what cannot come back.  Its number stays taken, by a descriptor that nothing can be done with
 * (O_PATH, open(2): read and write say EBADF).  Else the next open() of the program would get the
 * number, and what was meant for a socket would go into that file.
 */
#include "open_kind.h"

static bool is_lost(const struct fd_view *view)
{
    return true;
}

static long open_placeholder(const struct open_file_table *table, const struct open_file *file)
{
    return sys_open("/", O_PATH | O_CLOEXEC, 0);
}

const struct open_kind kind_lost = {"lost", is_lost, NULL, open_placeholder};
