/*
 * image_stream.h - an image travels: FRAME_IMAGE records, of its data only, and FRAME_START.  Holes cost nothing,
 * on the way and where it arrives.  Uses libc.
 */
#ifndef CKPT_IMAGE_STREAM_H
#define CKPT_IMAGE_STREAM_H

#include "frame.h"

#include <stdbool.h>
#include <sys/types.h>

/* Sends what lies in `fd` from offset `from` up to `end`, but no holes.  0 or -errno. */
int image_send_part(int to, int fd, uint64_t from, uint64_t end);

/* Sends all of it and FRAME_START, a whole image.  0 or -errno. */
int image_send(int to, int fd);

/*
 * Moves bytes of a file from *at on, or out of a pipe (NULL), to `to`: without a copy if there is a pipe
 * (splice(2)).  How many, until the file or the pipe ended; or -errno, as frame_write() has it.
 */
long image_move(int to, int fd, off_t *at, size_t size);

/* Writes all of it at this offset of a file.  False after an error (errno). */
bool image_write_at(int fd, const char *bytes, size_t size, uint64_t offset);

/* Copies it into an empty file.  0 or -errno. */
int image_copy(int to, int fd);

#endif
