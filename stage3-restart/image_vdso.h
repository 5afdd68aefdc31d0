/*
 * image_vdso.h - NOTE_VDSO: the vdso that the program was told of, by which restart can lead it to another
 * kernel's.
 *
 * An image without this note is of an older libckpt.so: it can go on under the kernel that it was made under only.
 */
#ifndef CKPT_IMAGE_VDSO_H
#define CKPT_IMAGE_VDSO_H

#include <stdint.h>

enum image_vdso_flag {
    VDSO_INSIDE = 1, /* the signal came inside the vdso, and the program did not get out of it in time */
    VDSO_BELOW = 2,  /* on the stack is another handler's frame, which will return into the vdso */
};

struct image_vdso {
    uint64_t start, size; /* where AT_SYSINFO_EHDR of getauxval(3) points to; bytes, 0: there is none */
    uint64_t kernel;      /* where this kernel's [vdso] is: at `start`; if elsewhere, `start` is a bridge to it */
    uint32_t flags;       /* enum image_vdso_flag */
    uint32_t code_size;   /* bytes of `code`.  0 in all images: restart fills it, for the restorer */
    uint8_t code[];       /* what becomes of the bytes at `start` */
};

#endif
