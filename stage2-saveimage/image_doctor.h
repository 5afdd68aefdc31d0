/*
 * image_doctor.h - what is wrong with an image, in words; and how it differs from a live process.  For
 * people and for the grader.  Uses libc; not async-signal-safe.
 */
#ifndef CKPT_IMAGE_DOCTOR_H
#define CKPT_IMAGE_DOCTOR_H

#include <sys/types.h>

/*
 * Prints each thing that is wrong with the image at `path`, one line each, and their number.  Unlike
 * image_open() it does not stop at the first, and it needs no CKPT note.  Returns 0 if nothing is wrong,
 * EX_DATAERR if anything is, EX_NOINPUT if the file cannot be read.
 */
int doctor_check(const char *path);

/*
 * Compares the image with the process `pid`, region by region and byte by byte.  The process should be
 * stopped (SIGSTOP): a running one changes.  Returns 0 if they are equal, EX_DATAERR if they differ or the
 * image is not valid, EX_NOINPUT if one of them cannot be read.
 */
int doctor_compare(const char *path, pid_t pid);

#endif
