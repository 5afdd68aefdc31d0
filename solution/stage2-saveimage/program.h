/* program.h - can this program be checkpointed?  Asked before it is started.  Uses libc. */
#ifndef CKPT_PROGRAM_H
#define CKPT_PROGRAM_H

#include <limits.h>
#include <stdbool.h>
#include <stddef.h>

/* Finds `name` as execvp(3) does.  False if there is no such program. */
bool program_find(const char *name, char path[PATH_MAX]);

/*
 * True if LD_PRELOAD works for the program at `path`; for a script, for its interpreter.  Otherwise
 * writes to why (size bytes) what is in the way: statically linked, set-user-ID, another machine's.
 */
bool program_check(const char *path, char *why, size_t size);

#endif
