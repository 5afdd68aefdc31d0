/* remote_files.h - a remote job's descriptors, in the plan of its restart.  Uses libc. */
#ifndef CKPT_REMOTE_FILES_H
#define CKPT_REMOTE_FILES_H

#include "files_plan.h"
#include "remote_life.h"

/*
 * Before files_plan(): whatever is not this machine's kernel's alone (a pipe of the job's own, an eventfd, ...) becomes
 * a placeholder: an eventfd, which is quiet in poll(2).  Names what is neither at home nor can be made here.
 */
void remote_files_empty(struct image *image);

/*
 * After files_plan(): moves two descriptors, and a signalfd(2), to numbers that the program neither uses nor can get, and
 * keeps them through the restart.  Exits with a message if there are none.
 */
struct remote_life remote_files_keep(struct image *image, int connection, int next_image);

#endif
