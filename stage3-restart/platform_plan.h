/* platform_plan.h - the machine of an image, and this one.  Uses libc. */
#ifndef CKPT_PLATFORM_PLAN_H
#define CKPT_PLATFORM_PLAN_H

#include "image_read.h"

/*
 * Makes what has another form here fit (image_put_note()).  Exits with 65 if the program may use what this machine
 * does not have; with `any` it says so, and exits only if registers are in use that do not exist here.
 */
void platform_plan(struct image *image, bool any);

#endif
