/*
 * files_plan.h - opens the program's files again, while restart can still say no; and what is done to the world
 * outside once it is certain.  Uses libc.
 */
#ifndef CKPT_FILES_PLAN_H
#define CKPT_FILES_PLAN_H

#include "image_read.h"
#include "open_kind.h"

/* What restart was asked for. */
struct files_options {
    const char *text; /* -f: the table as text, to be read instead of the image's paths; NULL: none */
    int strict;       /* refuse if anything cannot come back as it was */
    const char *accept; /* words, with commas between them, of differences that strict does not mind */
    int rollback;     /* cut written files back to the length that they had */
    int elsewhere;    /* another machine is the point: what lies around (surroundings_plan.h) is no news */
    int resume;       /* restart's own 0, 1 and 2 are meant to be what they were: ckpt --resume */
    int redirect;     /* open 0, 1 and 2 again where they were files, whatever restart's own are */
};

/*
 * Opens each file of the image's Open File Table, above all numbers that the program uses, and notes the
 * number in a copy of the table, which takes the place of the image's (image_put_note()).  Names what will not be
 * as it was, and returns how many things that are.  Does not return if a file is missing: exits with a status of
 * <sysexits.h>.  Nothing outside of restart has changed, then or afterwards: that is files_commit()'s.
 */
int files_plan(struct image *image, const struct files_options *options);

/*
 * After files_plan(): where the restorer's messages go (struct restart_plan, say_to).  If the program's descriptor
 * 2 is another file than restart's, restart's is kept meanwhile, at a number of its own.
 */
int stderr_keep(const struct image *image);

/*
 * files_commit.c: after plan_make(), when nothing is left that could refuse: makes what is nameless, fills FIFOs,
 * sets the offsets, and at last cuts files back (rollback).  Not for --dry-run.  Exits with a message if, say, a
 * disk is full: no file has been cut then.
 */
void files_commit(const struct image *image, const struct files_options *options);

/*
 * strict.c: when all differences have been named, of every kind: with `strict`, and if there are any, the end, with
 * EX_NOINPUT.
 */
void strict_check(int differences, bool strict);

/* NULL if this file, open at real_fd, may be cut: it is the very one that was open; or why not ("": no need to). */
const char *files_uncut(const struct open_file *file);

/* The lowest number that neither the program nor restart uses. */
static inline int files_base(const struct open_file_table *table)
{
    int last = table->count > 0 ? table->files[table->count - 1].fd : 0;
    return last >= 3 ? last + 1 : 3;
}

/* Moves a descriptor of ours to a number from `base` on, out of the program's way.  Exits if there is none. */
int descriptor_lift(int fd, int base);

/*
 * files_text.c: a table with the paths, offsets and flags of the text at `path`, and all of `table` (or NULL)
 * that the text does not speak of; malloc'ed, *size bytes.  Exits with a message if it cannot be read.
 */
struct open_file_table *files_text(const struct open_file_table *table, const char *path, size_t *size);

#endif
