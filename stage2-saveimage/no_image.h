/* no_image.h - files that are no image, and no core file, though what is in them may be one.  Uses libc. */
#ifndef CKPT_NO_IMAGE_H
#define CKPT_NO_IMAGE_H

/*
 * Why the file at `path` cannot be read as one, and what to do: it is compressed, a pipe, a directory, ...  NULL:
 * nothing is known against it, or it is not there.  What is no regular file is not opened: who writes to a FIFO
 * goes on waiting.
 */
const char *no_image_reason(const char *path);

#endif
