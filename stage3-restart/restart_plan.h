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
    int verbose, lazy, stop, dry_run; /* the options of that name, 0 or 1: to be set by the caller */
    int any_processor; /* 1: also one that has less than the program may use; to be set by the caller */
    int say_to;      /* the restorer's standard error: a number of its own, or 0: it is 2; -1: there is none */
    struct times times; /* times.wanted: the option --times; to be set by the caller */
    int differences; /* named so far: what will not be as it was */
    struct image image;
    struct own_maps own;
    struct restorer *restorer; /* in the block */
    void (*entry)(void *);     /* restorer_run, in the block */
    void *stack_top;
};

/* The long options that every restart has, for getopt_long(3); and those letters: "vh". */
#define PLAN_OPTIONS(plan) {"verbose", 0, &(plan).verbose, 1}, {"lazy", 0, &(plan).lazy, 1}, \
    {"stop", 0, &(plan).stop, 1}, {"dry-run", 0, &(plan).dry_run, 1}, {"help", 0, NULL, 'h'}, \
    {"times", 0, &(plan).times.wanted, 1}

/*
 * In this order: opens and checks the image, and says what it lacks (NOTE_LOST); checks its files, the kernel's
 * mappings and the limits, and builds the restorer's block; says what was asked for, and goes.  All signals are
 * blocked from the first on: they wait, and setcontext() brings back the program's own mask.  None returns if
 * something is in the way: it says what, and exits with a status of <sysexits.h>.  Nothing of the process has
 * changed then.
 */
void plan_open(struct restart_plan *plan, const char *path);
void plan_make(struct restart_plan *plan);
void plan_go(const struct restart_plan *plan) __attribute__((noreturn)); /* restart_go.c */

/* restart_block.c: finds a place for the block and builds it; the plan's other fields are filled. */
void block_build(struct restart_plan *plan);

#endif
