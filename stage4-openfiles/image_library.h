/*
 * image_library.h - NOTE_LIBRARY: what ckpt asked of libckpt.so, for restart to know; and the name of the next
 * image, which restart may change: the job's folder may have another name in its next life.
 */
#ifndef CKPT_IMAGE_LIBRARY_H
#define CKPT_IMAGE_LIBRARY_H

#include <linux/limits.h>
#include <stdint.h>

#define WISH_SIZE (PATH_MAX + 64)

struct image_library {
    uint64_t name_address, wish_address; /* where libckpt.so has the two, in the program's memory */
    uint32_t signal;       /* the checkpoint signal */
    uint32_t changed;      /* restart has others for the next life */
    char name[PATH_MAX];   /* the image's, absolute, up to its %p */
    char wish[WISH_SIZE];  /* $CKPT_EVICT: evict_prepare.c; "": none */
};

#endif
