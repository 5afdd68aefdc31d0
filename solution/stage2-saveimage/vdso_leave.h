/*
 * vdso_leave.h - a program that the checkpoint signal found inside the vdso leaves it before it is saved.
 *
 * The code of the vdso is the kernel's.  Memory that is saved with the program at an instruction of it can go on
 * under the same kernel only.  In a build that does not look at it the functions' addresses are NULL.
 * Async-signal-safe.
 */
#ifndef CKPT_VDSO_LEAVE_H
#define CKPT_VDSO_LEAVE_H

#include <stdbool.h>
#include <ucontext.h>

struct image_vdso;

/*
 * To be called first in the handler, for each `signal` that it comes with; `own` is the checkpoint signal.  True:
 * return from the handler at once, which will be called again, with SIGTRAP.  False: save the program now;
 * vdso_told() is what the image must say.
 */
bool vdso_leave(ucontext_t *context, int signal, int own) __attribute__((weak, visibility("hidden")));

/*
 * The frame through which the kernel will return: `context` itself, if it was the kernel that called the
 * handler.  A program may call it from a handler of its own (PHP does): then it lies further up.  NULL: it is not
 * found.
 */
ucontext_t *vdso_frame(ucontext_t *context, int own) __attribute__((weak, visibility("hidden")));

const struct image_vdso *vdso_told(void) __attribute__((weak, visibility("hidden")));

#endif
