/*
 * restorer.h - what restart hands to the restorer.
 *
 * The restorer is the code that takes one address space down and builds another.  It runs in a block
 * of memory that neither restart nor the image uses, and everything it needs lies in that block:
 *
 *     start                                                                   start + size
 *     | code (r-x)         | stack (rw-) | room for vdso | struct restorer, its arrays, |
 *     | copied from        |    <-- rsp  | and vvar      | the notes (rw-)              |
 *     | restart's section  |             |               |                              |
 *
 * No libc, no TLS, no global variable, no pointer out of the block.
 */
#ifndef CKPT_RESTORER_H
#define CKPT_RESTORER_H

#include "image.h"
#include "rseq.h"
#include "sys.h"
#include "text.h"
#include "times.h"

/*
 * One of the kernel's mappings, [vvar] or [vdso]: where restart has it, and where the image had it.  Or memory that
 * has its bytes already (REGION_HERE): it only makes room while all else is unmapped, and from is to.
 */
struct kernel_move {
    uint64_t from, to; /* to is 0: the image has none; it is dropped */
    uint64_t packed;   /* its place in the block meanwhile */
    uint64_t size;
    char name[24]; /* "[vdso]", "[vvar]", "[vvar_vclock]", ... */
};

/* A part's name and note, and the copy of its restore function: all inside the block. */
struct part_call {
    const char *name;
    long (*restore)(const void *note, size_t size);
    const void *note;
    size_t size;
};

#define MAX_KERNEL_MOVES 8
#define MAX_PART_CALLS 32

struct restorer {
    uint64_t start, size; /* the block */
    int image;            /* file descriptor */
    bool lazy;            /* map pages from the image instead of reading them */
    bool stop;            /* SIGSTOP before the jump, for gdb */

    const struct image_region *regions;
    const Elf64_Phdr *loads; /* loads[i].p_offset: where the bytes of regions[i] are in the image */
    size_t region_count;
    const char *names;

    struct kernel_move moves[MAX_KERNEL_MOVES + MAX_HERE];
    size_t move_count;
    struct rseq_place own_rseq; /* restart's own registration */
    struct part_call calls[MAX_PART_CALLS];
    size_t call_count;

    uint64_t ucontext, setcontext, second_life; /* as in struct image_context */
    struct times times;                         /* so far; the restorer goes on with it */
};

/*
 * Takes this process's address space down, builds the image's, and jumps into it.  Does not return:
 * from the moment that it unmaps, there is nothing to return to.  If a step fails it says which and
 * exits with 71.  All signals must be blocked.
 */
void restorer_run(void *restorer) __attribute__((noreturn));

/*
 * restorer_map.c: one region, from nothing to its bytes and its final protection.  0 or -errno; `doing` is what
 * it was about then, in words.
 */
long restore_region(const struct restorer *restorer, const struct image_region *region, uint64_t offset,
                    const char **doing);

/* restorer_kernel.c: moves vdso and vvar into the block, and out of it.  0 or -errno. */
long pack_kernel_regions(const struct restorer *restorer);
long unpack_kernel_regions(const struct restorer *restorer);

#endif
