/* gadget.h - code of the program that can unmap the restorer when it is done.  Uses libc. */
#ifndef CKPT_GADGET_H
#define CKPT_GADGET_H

#include "sigframe.h"

struct gadgets {
    uint64_t call;      /* the address of `syscall; ret`, 0: there is none */
    uint64_t sigreturn; /* of code that calls rt_sigreturn(2) */
};

struct gadgets gadgets_find(const struct image *image);

/* Makes the chain in front of the frame.  False: a gadget is missing, and the restorer has to stay. */
bool gadgets_chain(struct sigframe *frame, const struct gadgets *gadgets);

#endif
