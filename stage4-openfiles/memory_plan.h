/* memory_plan.h - what memory is made of, looked at while restart can still say no.  Uses libc. */
#ifndef CKPT_MEMORY_PLAN_H
#define CKPT_MEMORY_PLAN_H

#include "image_read.h"

/*
 * Tells the image's regions how they were mapped, as NOTE_MEMORY has it: MAP_GROWSDOWN, MAP_HUGETLB, MAP_DROPPABLE.
 * Names what will not be as it was, and returns how many ranges and policies that are.
 */
int memory_plan(struct image *image);

#endif
