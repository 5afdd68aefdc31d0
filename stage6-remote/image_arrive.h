/*
 * image_arrive.h - an image that comes: restart --remote's side of image_stream.h.  Uses libc.
 *
 *     its head, and most regions      into a memfd, from which they are read later, as from any image
 *     large regions of memory         where they shall be, in this process: it is to become the job, and fresh
 *                                     memory costs more than the way here does, so none is taken twice
 */
#ifndef CKPT_IMAGE_ARRIVE_H
#define CKPT_IMAGE_ARRIVE_H

#include "image_read.h"

/* A region whose bytes are put where they shall be. */
struct arrival_place {
    uint64_t offset, size; /* in the image */
    char *to;
};

struct image_arrival {
    int fd;             /* a memfd: all that has no place */
    uint64_t end, size; /* behind its last byte; bytes that came */
    uint64_t most;      /* of `size`: more than that is refused */
    bool chosen;        /* the head is here, so these are known: */
    struct arrival_place places[MAX_HERE];
    size_t place_count;
};

/* A new memfd for it, with room for what this machine has memory for.  fd is -1 after an error (errno). */
struct image_arrival image_expect(void);

/* The bytes of one FRAME_IMAGE.  NULL; or what is wrong with it. */
const char *image_record(struct image_arrival *arrival, const void *data, size_t size);

/* FRAME_START.  NULL: it is whole, as long as it shall be; or what is wrong. */
const char *image_whole(const struct image_arrival *arrival, const void *data, size_t size);

/*
 * image_places.c.  If the head of the image is here: maps large regions of plain memory where they shall be, if
 * nothing is there, and moves what has come of them.
 */
void places_choose(struct image_arrival *arrival);

/* The image is open: these regions are REGION_HERE.  False: it has others than its head said. */
bool places_mark(const struct image_arrival *arrival, struct image *image);

#endif
