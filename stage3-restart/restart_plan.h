/*
 * restart_plan.h - phase 1 of a restart: everything that can fail is tried while we can still say no.
 * Uses libc.
 */
#ifndef CKPT_RESTART_PLAN_H
#define CKPT_RESTART_PLAN_H

#include "image_read.h"
#include "place.h"
#include "restorer.h"

#define MAX_OWN_REGIONS 512

/* The address space of restart itself. */
struct own_maps {
    struct range ranges[MAX_OWN_REGIONS]; /* ascending; without [vsyscall] */
    size_t count;
    struct kernel_move moves[MAX_KERNEL_MOVES]; /* of the kernel's mappings: `from`, `size` and `name` */
    size_t move_count;
};

/* A restart that is ready to go. */
struct restart_plan {
    int lazy, stop; /* the options of that name, 0 or 1: to be set by the caller */
    struct image image;
    struct own_maps own;
    struct restorer *restorer; /* in the block */
    void (*entry)(void *);     /* restorer_run, in the block */
    void *stack_top;
};

/*
 * Opens and checks the image, its files, the kernel's mappings and the limits; then builds the
 * restorer's block.  Does not return if something is in the way: it says what, and exits with a status
 * of <sysexits.h>.  Nothing of the process has changed then.
 */
void plan_make(struct restart_plan *plan, const char *path);

/* restart_block.c: finds a place for the block and builds it; the plan's other fields are filled. */
void block_build(struct restart_plan *plan);

#endif
