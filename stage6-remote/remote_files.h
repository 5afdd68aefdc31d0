/* remote_files.h - a remote job's descriptors, in the plan of its restart.  Uses libc. */
#ifndef CKPT_REMOTE_FILES_H
#define CKPT_REMOTE_FILES_H

#include "files_plan.h"
#include "remote_life.h"

/*
 * Before files_plan(): what is open at home becomes a placeholder: an eventfd, which is quiet in poll(2).  What any
 * kernel can make (a pipe of the job's own, a timerfd, ...) stays what it is.  All else is lost.
 */
void remote_files_empty(struct image *image);

/*
 * After files_plan(), and when NOTE_PROCESS is a copy of ours: moves two descriptors, and a signalfd(2), to numbers
 * that the program neither uses nor can get, since its soft RLIMIT_NOFILE ends below them; and keeps them through
 * the restart.  Exits with a message if there are none.
 */
struct remote_life remote_files_keep(struct image *image, int connection, int next_image);

#endif
