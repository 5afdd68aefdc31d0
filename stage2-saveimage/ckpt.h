/*
 * ckpt.h - what a program may ask of libckpt.so, if it runs under ckpt.
 *
 * The symbols are weak: a program that includes this header links and runs without libckpt.so, and
 * then their addresses are NULL.  So ask first:
 *
 *     if (ckpt_now != NULL)
 *         ckpt_now();
 *
 * Call them from the program's one thread; none is async-signal-safe.
 */
#ifndef CKPT_H
#define CKPT_H

#include <stddef.h>
#include <unistd.h>

/*
 * Takes a checkpoint now.  Returns 0 in the first life when the image is written, 1 in the second life
 * (this process was restarted from that image), -1 if there is no image (libckpt said why on stderr).
 */
int ckpt_now(void) __attribute__((weak, visibility("default")));

/*
 * Between ckpt_disable() and ckpt_enable() a checkpoint signal is kept and acted on at the end.  The
 * pairs may be nested.
 */
void ckpt_disable(void) __attribute__((weak, visibility("default")));
void ckpt_enable(void) __attribute__((weak, visibility("default")));

/*
 * Takes a checkpoint and ends the process with status 0 when the image is written; to be gone on with later, or
 * on another machine.  So it returns in the second life only: 1; or -1 if there is no image, or no libckpt.so.
 * Nothing is flushed (_exit(2)): what stdio holds is in the image, and the second life writes it.
 */
static inline int ckpt_and_exit(void)
{
    int life = ckpt_now != NULL ? ckpt_now() : -1;
    if (life == 0)
        _exit(0);
    return life;
}

#endif
