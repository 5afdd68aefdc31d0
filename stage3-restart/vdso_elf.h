/* vdso_elf.h - reads the table of functions of a vdso, and believes nothing in it: it may come from an image. */
#ifndef CKPT_VDSO_ELF_H
#define CKPT_VDSO_ELF_H

#include <elf.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define VDSO_LARGEST (64UL << 10) /* bytes; they have 8 KiB */

struct vdso {
    const uint8_t *bytes; /* the caller's */
    uint64_t size;
    uint64_t base;        /* addresses in the file minus offsets in it; 0 since Linux 3.16 */
    uint64_t symbols, symbol_count, strings, strings_size; /* offsets into `bytes`; entries; bytes */
    const char *why;      /* after a failure: what is wrong with it */
};

/* One function. */
struct vdso_function {
    const char *name;      /* in `bytes` */
    uint64_t offset, size; /* in `bytes`, all of it */
};

/* `bytes`: a vdso as it lies in memory.  False: it is damaged, see v->why. */
bool vdso_open(struct vdso *v, const void *bytes, uint64_t size);

/* The next function that it exports; *at starts as 0.  False: there are no more, or v->why says what is wrong. */
bool vdso_next(struct vdso *v, uint64_t *at, struct vdso_function *function);

/* The offset of the function of this name, with or without its prefix; 0: there is none. */
uint64_t vdso_find(struct vdso *v, const char *name);

/* A name without its prefix. */
const char *vdso_plain_name(const char *name);

#endif
