/* frame.h - a signal frame, ready to be put on the program's stack: sigframe.h has the picture.  No libc. */
#ifndef CKPT_FRAME_H
#define CKPT_FRAME_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <ucontext.h>

/* The bytes of a frame, and where they must lie. */
struct sigframe {
    char bytes[16384];
    size_t size;     /* bytes in use */
    uint64_t at;     /* the address of bytes[0] in the program's stack */
    uint64_t first;  /* the ucontext_t to begin with: of `chain`, or in the frame itself */
    ucontext_t chain; /* unmaps the restorer, and returns into the frame; its place is in the restorer's block */
    bool chained;
};

/* part_frame.c: puts the frame in its place; enters it, and does not return.  In the restorer. */
long frame_restore(const void *note, size_t size);
int frame_enter(const ucontext_t *note);

#endif
