/* restart_main.h - restart without its help text: another restart has other words there. */
#ifndef CKPT_RESTART_MAIN_H
#define CKPT_RESTART_MAIN_H

#include "image_read.h"

/* All of restart: the process becomes the program, or exits with a status of <sysexits.h>. */
void restart_main(int argc, char **argv, const char *usage) __attribute__((noreturn));

/*
 * Exits with a message if the files of this image's program are open on another machine: only restart --remote can
 * bring such a one back.  Weak: NULL in a build that has no such images.
 */
void remote_refuse(const struct image *image) __attribute__((weak));

#endif
