/* file_check.h - can the file that a region showed be mapped again?  Uses libc. */
#ifndef CKPT_FILE_CHECK_H
#define CKPT_FILE_CHECK_H

#include "image.h"

/*
 * NULL if the file is the one that it was, and can be mapped as the restorer will map it; else what is
 * in the way (a static string).  A file is the same if it has its old size, and either device, inode
 * and time of change are the same or its build id is: then it is the same file on another machine.
 */
const char *file_problem(const struct image_region *region, const char *name);

#endif
