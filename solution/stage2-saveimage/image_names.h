/*
 * image_names.h - what an image is called: ckpt -o NAME, CKPT_IMAGE.
 *
 *     %p   the pid
 *     %n   the number of the image: 1, 2, ...; none is given twice; --keep N removes the oldest
 *     %%   a percent sign
 *
 * The last two have no meaning in a build without image_names_check().
 *
 * %p may stand anywhere; the others have one in the last part of the name only (behind its last /), so that
 * no folder's own name is changed.  Given to students whole.
 */
#ifndef CKPT_IMAGE_NAMES_H
#define CKPT_IMAGE_NAMES_H

#include "libc.h"
#include "library.h"

/* The first %p in the name; NULL: there is none. */
static inline char *image_name_pid(char *name)
{
    char *percent = strchr(name, '%');
    while (percent != NULL && percent[1] != 'p')
        percent = strchr(percent + (percent[1] == '%' ? 2 : 1), '%');
    return percent;
}

/* Cuts the name before its first %p, and copies what follows.  Returns that; NULL: there is no %p. */
static inline const char *image_name_cut(char *name, char behind[PATH_MAX])
{
    char *percent = image_name_pid(name);
    if (percent == NULL)
        return NULL;
    *percent = '\0';
    return strcpy(behind, percent + 2);
}

/* ckpt: is this a name, and CKPT_KEEP (--keep; NULL: not given) a number?  Else 64. */
LIBRARY_MORE void image_names_check(const char *name, const char *keep);

/* The same, where it may be missing. */
static inline void image_names_option(void)
{
    if (image_names_check != NULL)
        image_names_check(environment("CKPT_IMAGE", "myckpt"), getenv("CKPT_KEEP"));
    else if (getenv("CKPT_KEEP") != NULL)
        errx(EX_USAGE, "--keep comes with stage 4");
}

#endif
