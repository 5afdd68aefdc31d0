/* image_process.h - NOTE_PROCESS: working directory, umask, limits, name. */
#ifndef CKPT_IMAGE_PROCESS_H
#define CKPT_IMAGE_PROCESS_H

#include "text.h"

#include <linux/limits.h>
#include <sys/resource.h>

#define LIMITS 16 /* RLIM_NLIMITS of the kernel, getrlimit(2) */
#define REMOVED " (deleted)"

struct image_process {
    char name[16]; /* /proc/PID/comm */
    uint64_t umask;
    struct rlimit limits[LIMITS];
    char directory[PATH_MAX]; /* empty: it could not be told; REMOVED at its end: it was removed */
};

/* Was this directory removed in the first life already?  Then it is made anew, and removed again. */
static inline bool process_removed(const char *directory)
{
    return strlen(directory) > strlen(REMOVED) && ends_with(directory, REMOVED);
}

#endif
