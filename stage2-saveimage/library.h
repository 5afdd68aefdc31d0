/*
 * library.h - where libckpt.so and ckpt ask whether this build does more.  Stage 4's does, so that a program hardly
 * notices them; stages 2 and 3 have none of these functions, and then their addresses are NULL (weak symbols).
 * Given to students whole.
 */
#ifndef CKPT_LIBRARY_H
#define CKPT_LIBRARY_H

#include <stdbool.h>

#define LIBRARY_MORE __attribute__((weak, visibility("hidden")))

/* The end of the constructor: the handler for `signal` is registered.  `owner`: the process that ckpt started. */
LIBRARY_MORE void library_start(int signal, long owner);

/* In the handler, in the first life: calls write_image() and returns its result. */
LIBRARY_MORE int library_checkpoint(int (*write_image)(void));

/* Is this descriptor's file one of those that were 0, 1 and 2 at the start of this life? */
LIBRARY_MORE bool library_is_standard(int fd);

/* In the handler, in the second life, when restart's last pages are gone. */
LIBRARY_MORE void library_second_life(void);

#endif
