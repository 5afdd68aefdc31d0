/* shared_plan.h - opens what the program had mapped and shared, while restart can still say no.  Uses libc. */
#ifndef CKPT_SHARED_PLAN_H
#define CKPT_SHARED_PLAN_H

#include "image_read.h"

/*
 * Opens, or makes, each object of NOTE_SHARED but the anonymous ones, and notes its descriptor in a copy of the
 * note, which takes the place of the image's.  In the image's regions, clears REGION_FILE of those that
 * shared_restore.c will map.  After files_plan(), which opens what the program has a descriptor of.  Names files
 * that can only be read now, and returns how many.  Does not return if a file is missing: exits with a status of
 * <sysexits.h>, and nothing has changed then.
 */
int shared_plan(struct image *image);

/*
 * A part of files_commit(): makes the files without a name, for which shared_plan() holds numbers only.  Exits with
 * a message if one cannot be made.
 */
void shared_commit(const struct image *image);

#endif
