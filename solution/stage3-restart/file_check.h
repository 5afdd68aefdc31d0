/* file_check.h - is the file that a region shows still the one that it was? */
#ifndef CKPT_FILE_CHECK_H
#define CKPT_FILE_CHECK_H

#include "image.h"

#include <stdbool.h>
#include <stddef.h>

/*
 * True if the file has the size that it had, and either device, inode and time of change are the same
 * or its build id is: then it is the same file on another machine.  Otherwise *why says what changed
 * (a static string).  Uses libc.
 */
bool file_is_unchanged(const struct image_region *region, const char *name, const char **why);

/*
 * Rehearses: maps the region from its file as the restorer will, anywhere, and unmaps it.  Returns 0 or
 * an errno, for what a restart could stumble over when it is too late (a noexec mount, say).
 */
int file_rehearse(const struct image_region *region, const char *name);

#endif
