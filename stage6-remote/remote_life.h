/* remote_life.h - what restart --remote tells a job at the start of each life; part_remote.c writes it there. */
#ifndef CKPT_REMOTE_LIFE_H
#define CKPT_REMOTE_LIFE_H

#include <stddef.h>
#include <stdint.h>

#define REMOTE_SIGNAL 50 /* a job's checkpoint signal, in all of its lives: one that hardly any program takes */

/* In the job's memory, in libckpt.so.  Descriptors at numbers that the program does not use. */
struct remote_life {
    int32_t connection; /* the SOCK_SEQPACKET socket to the keeper; -1: this is not a job of a shadow's */
    int32_t image;      /* a pipe to the keeper: the job's next image goes there, as IMAGE frames and START */
    int32_t signals;    /* a signalfd(2), by which a stub sees that a signal waits */
};

/* NOTE_REMOTE: only images of a shadow's jobs have it. */
struct image_remote {
    uint64_t life;      /* address of a struct remote_life */
    struct remote_life now; /* in an image: what was; restart --remote sets it for the next life */
    uint32_t count;     /* of files open at home */
    uint32_t reserved;
    struct image_remote_file {
        int32_t fd, real; /* the program's number, and the shadow's */
        uint32_t no_wait; /* O_NONBLOCK */
        char path[96];
    } files[];
};

/* How many of them there are in a note of `size` bytes, whatever its count says. */
static inline uint32_t image_remote_count(const struct image_remote *note, size_t size)
{
    size_t fit = (size - offsetof(struct image_remote, files)) / sizeof *note->files;
    return fit < note->count ? (uint32_t)fit : note->count;
}

#endif
