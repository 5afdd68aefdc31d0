/* manners.h - what libckpt.so does so that it is a good guest in the program; used by manners.c.  Given. */
#ifndef CKPT_MANNERS_H
#define CKPT_MANNERS_H

#include <stdbool.h>
#include <stddef.h>

/* From now on libckpt.so says so if the program gives this signal another action. */
void taken_signal_watch(int signal);
void taken_signal_new_life(void);

/*
 * This process is one that ckpt started, or restart; `signal` is its checkpoint signal.  If it becomes another
 * program (execve(2)), that one can be checkpointed as well, or libckpt.so says why not.
 */
void next_program_watch(int signal);
void next_program_new_life(void);

/* image_names.c: reads CKPT_KEEP; and, in the handler, the image is whole (0) or not: the oldest one goes. */
void image_names_start(void);
void image_names_saved(int error);
/* The same, in the handler: what the file is called that has no image's name (ckpt --incremental). */
void image_names_spare(char *path, size_t size);

#endif
