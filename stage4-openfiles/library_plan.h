/* library_plan.h - restart, and what libckpt.so was asked for in the first life: image_library.h.  Uses libc. */
#ifndef CKPT_LIBRARY_PLAN_H
#define CKPT_LIBRARY_PLAN_H

#include "moved.h"
#include "restart_plan.h"

/*
 * Behind plan_open() of the image at `path`: if it is that of a job of ckpt --evict's, the caller is a child from
 * now on, and the parent has stayed behind.  With `resume`, which ckpt says, it must be such a job, and that of the
 * command that CKPT_EVICT tells of: else this exits with a message.  Nothing has changed then.
 *
 * All names in the image are those after `moved`, which with `resume` gets a rule of its own, if the command is
 * given in another working directory than before, and that one is gone.
 */
void library_plan(struct restart_plan *plan, const char *path, bool resume, struct moved *moved);

#endif
