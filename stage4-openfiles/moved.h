/* moved.h - restart --moved OLD=NEW: what the job knows under OLD lies under NEW now.  Uses libc. */
#ifndef CKPT_MOVED_H
#define CKPT_MOVED_H

#include "image_read.h"

#define MOVED_RULES 16

/* Paths without a '/' at their end: so "/" is "". */
struct moved {
    struct moved_rule {
        char from[PATH_MAX], to[PATH_MAX];
    } rules[MOVED_RULES];
    size_t count;
};

/* Reads "OLD=NEW".  Exits with a message unless both are absolute paths, and NEW is there. */
void moved_add(struct moved *moved, const char *text);

/*
 * Did the image come along with its folder?  It lay in `then`, under this name, and lies in `now` in the same
 * place; and what has its old name today, if anything, is another file: the folder is another job's.
 */
bool moved_with(const char *then, const char *name_then, const char *now, const char *name_now);

/*
 * A rule for a working directory that was `then` and is `now`, if `then` is gone, or the image came along
 * (moved_with), and the user gave none for it.
 */
void moved_here(struct moved *moved, const char *then, const char *now, bool with_image);

/*
 * Where this path leads now: by the rule with the longest OLD that it is, or lies below.  The path itself if there
 * is none.  `room` is PATH_MAX bytes, in which the new path is made; exits with a message if that is too small.
 */
const char *moved_path(const struct moved *moved, const char *path, char *room);

/*
 * Gives all names in the image's notes their new form: of mapped files, open files, shared memory and the working
 * directory.  Comes before anything is looked for under these names.
 */
void moved_apply(const struct moved *moved, struct image *image);

#endif
