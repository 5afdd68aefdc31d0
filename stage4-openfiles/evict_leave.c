/* evict_leave.c - in libckpt.so: the job leaves, if its parent asked it to: evict.h.  Async-signal-safe. Given. */
#include "evict.h"
#include "incremental.h"
#include "manners.h"
#include "open_kind.h"

bool evict_is_asked(void)
{
    char path[64], name[32];
    long parent = sys_call(SYS_getppid, 0, 0, 0, 0);
    text_join(path, sizeof path, "/proc/", text_number((uint64_t)parent, 10).digits, "/comm", NULL);
    return procfile_read(path, name, sizeof name) > 0 && strcmp(name, EVICTING "\n") == 0;
}

/* Between the image and the end nothing of the program runs, so nothing is done twice. */
void library_saved(int error)
{
    image_names_saved(error);
    if (error == -EINPROGRESS || !evict_is_asked()) /* asked since (ckpt --live): that signal is still to come */
        return;
    if (error != 0) {
        say("libckpt: it was asked to leave (ckpt --evict), and stays, since there is no image", NULL);
        return;
    }
    incremental_end();
    sys_call(SYS_prctl, PR_SET_NAME, (long)EVICTED, 0, 0);
    sys_call(SYS_exit_group, 0, 0, 0, 0);
}
