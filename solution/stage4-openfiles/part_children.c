/*
 * part_children.c - the room that stays empty: a process with children gets no image.
 *
 * A restarted parent would wait for processes that are not its own, or not there; a child that has ended
 * and was not waited for (a zombie) has an exit status that only the kernel holds.  So they count as well.
 *
 * waitid(2) knows better than /proc/thread-self/children, which not every kernel has: ECHILD is its answer if
 * there is nobody to wait for.  WNOWAIT leaves a zombie to the program; __WALL asks for clone(2)'s too.
 */
#include "open_kind.h"
#include "part.h"

#include <sys/wait.h>

long children_read(char *to, size_t size)
{
    char path[64];
    struct number pid = text_number((uint64_t)sys_getpid(), 10);
    text_join(path, sizeof path, "/proc/self/task/", pid.digits, "/children", NULL);
    return procfile_read(path, to, size);
}

/*
 * ckpt --live=track has a child of its own at work, which only __WALL and __WCLONE see.  So of the program's
 * children those are seen without it whose end is told by SIGCHLD; of the others this file tells, if this kernel
 * has it.
 */
static bool is_only_child(long helper)
{
    char children[64];
    const char *at = children;
    if (children_read(children, sizeof children) < 0)
        return true;
    return (long)text_parse(&at, 10) == helper && at[0] == ' ' && at[1] == '\0';
}

static long save(const struct save_request *request, void *note, size_t room)
{
    siginfo_t child;
    const struct live_view *live = live_view(request);
    long helper = live != NULL ? live->child : 0;
    int all = helper == 0 ? __WALL : 0;
    long error = sys_call(SYS_waitid, P_ALL, 0, (long)&child, WEXITED | WNOHANG | WNOWAIT | all);
    if (error == -ECHILD && (helper == 0 || is_only_child(helper)))
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
