/*
 * image_stream.h - an image travels: FRAME_IMAGE records, of its data only, and FRAME_START.  Holes cost nothing,
 * on the way and where it arrives.  Uses libc.
 */
#ifndef CKPT_IMAGE_STREAM_H
#define CKPT_IMAGE_STREAM_H

#include "frame.h"

/* An image that comes. */
struct image_arrival {
    int fd;             /* where it is put: a memfd, or an empty file */
    uint64_t end, size; /* behind its last byte; bytes that came */
    uint64_t most;      /* of `size`: more than that is refused */
};

/* A new memfd for it, with room for what this machine has memory for.  fd is -1 after an error (errno). */
struct image_arrival image_expect(void);

/* The bytes of one FRAME_IMAGE.  NULL; or what is wrong with it. */
const char *image_record(struct image_arrival *arrival, const void *data, size_t size);

/* FRAME_START.  NULL: it is whole, as long as it shall be; or what is wrong. */
const char *image_whole(const struct image_arrival *arrival, const void *data, size_t size);

/* Sends what lies in `fd`, a whole image; went(), unless it is NULL, is called after each frame.  0 or -errno. */
int image_send(int to, int fd, void (*went)(void));

/* Copies it into an empty file.  0 or -errno. */
int image_copy(int to, int fd);

#endif
