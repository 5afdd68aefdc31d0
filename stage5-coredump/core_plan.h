/* core_plan.h - the plan of a restart from a core file.  Uses libc. */
#ifndef CKPT_CORE_PLAN_H
#define CKPT_CORE_PLAN_H

#include "files_plan.h"
#include "restart_plan.h"

/* True if the file is an image of ours: then plan_open() opens it. */
bool core_is_image(const char *path);

/*
 * In place of plan_open() and plan_make(), for a core file at `path`; `program` is the file that ran, or NULL:
 * where the core says.  Does not return if something is in the way, like these.
 */
void core_plan(struct restart_plan *plan, const char *program, const char *path, const struct files_options *files);

/* core_signals.c: the signal actions in a text of libsavefds, as NOTE_SIGNALS.  `text` may be NULL. */
void core_signals(struct image *image, const char *text);

#endif
