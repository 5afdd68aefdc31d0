/*
 * part_children.c - the room that stays empty: a process with children gets no image.
 *
 * A restarted parent would wait for processes that are not its own, or not there; a child that has ended
 * and was not waited for (a zombie) has an exit status that only the kernel holds.  So they count as well.
 *
 * waitid(2) knows better than /proc/thread-self/children, which not every kernel has: ECHILD is its answer if
 * there is nobody to wait for.  WNOWAIT leaves a zombie to the program; __WALL asks for clone(2)'s too.
 */
#include "part.h"

#include <sys/wait.h>

static long save(const struct save_request *request, void *note, size_t room)
{
    siginfo_t child;
    long error = sys_call(SYS_waitid, P_ALL, 0, (long)&child, WEXITED | WNOHANG | WNOWAIT | __WALL);
    if (error == -ECHILD)
        return 0;
    say("libckpt: the program has child processes, and ckptlab saves one process: wait until they have ended, or "
        "checkpoint each of them by itself (ckpt -o NAME.%p)", NULL);
    return -ENOTSUP;
}

static void describe(part_printf print, const void *note, size_t size)
{
}

/* No note is ever written, so nothing is described, and nothing restored. */
const struct part children_part = {NOTE_CHILDREN, "children", 0, save, describe, NULL};
