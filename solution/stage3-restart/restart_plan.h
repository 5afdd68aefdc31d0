/*
 * restart_plan.h - phase 1 of a restart: everything that can fail is tried while we can still say no.
 * Uses libc.
 */
#ifndef CKPT_RESTART_PLAN_H
#define CKPT_RESTART_PLAN_H

#include "image_read.h"
#include "restorer.h"

struct restart_options {
    bool verbose, lazy, stop, dry_run;
};

/* A restart that is ready to go. */
struct restart_plan {
    const struct image *image;
    const struct restart_options *options;
    struct image_region *regions; /* malloc'ed: the image's, REGION_FILE taken from files that changed */
    struct kernel_move moves[MAX_KERNEL_MOVES];
    size_t move_count;
    uint64_t moves_size;        /* bytes */
    struct restorer *restorer;  /* in the block */
    void *entry;                /* restorer_run, in the block */
    void *stack_top;
};

/*
 * Checks files, kernel mappings and limits, finds a place for the restorer's block, and builds the block
 * there.  Returns 0, or an exit status after a message.  Nothing of the process has changed then, but
 * for the block.  plan_free() releases both.
 */
int plan_make(struct restart_plan *plan, const struct image *image, const struct restart_options *options);
void plan_free(struct restart_plan *plan);

/* restart_block.c: builds the block for a plan whose regions and moves are filled. */
int block_build(struct restart_plan *plan);

/* "restart: IMAGE: WHAT: WHY" on stderr; returns status. */
__attribute__((format(printf, 2, 3))) int plan_refuse(int status, const char *format, ...);

#endif
