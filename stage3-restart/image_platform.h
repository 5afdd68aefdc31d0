/*
 * image_platform.h - NOTE_PLATFORM: the machine that the program ran on, so that restart can make it fit here, or
 * refuse.
 */
#ifndef CKPT_IMAGE_PLATFORM_H
#define CKPT_IMAGE_PLATFORM_H

#include "arch_platform.h"

#define PLATFORM_RELEASE 65 /* bytes: struct utsname of Linux */

struct image_platform {
    uint64_t context; /* address of the ucontext_t in the frame of the checkpoint signal */
    uint64_t room;    /* ARCH_FRAME_ROOM bytes of libckpt.so's, for restart: the frame's vector registers */
    struct arch_vectors vectors; /* of the processor at the checkpoint: so lies in the frame what is in it */
    struct arch_features may_use; /* of the processor at the start, when libc and others chose their functions */
    uint32_t bound;               /* 2, 3: libc uses no more than that level (ckpt --portable); 0: not bound */
    char release[PLATFORM_RELEASE]; /* of the kernel at the checkpoint: uname(2) */
};

/* In the place of the image's note: restart's own, with what changes. */
struct platform_now {
    struct image_platform image;
    struct arch_frame_change change;
};

#endif
