/*
 * keeper.h - restart --remote: the keeper, which stays the job's parent.  Uses libc.
 *
 *     stdin, stdout ==== keeper ---- SOCK_SEQPACKET ---- job
 *     (the shadow)         \________ pipe <_____________/      the image that the job sends when it leaves
 */
#ifndef CKPT_KEEPER_H
#define CKPT_KEEPER_H

#include "frame.h"
#include "libc.h"

/* A job, and the keeper's ends. */
struct job {
    pid_t pid;
    int connection; /* SOCK_SEQPACKET: one frame is one message */
    int image;      /* a pipe: the job's next image comes there, as frames; -1: it is closed */
};

/* keeper.c.  All of restart --remote; exits. */
void keep(bool verbose) __attribute__((noreturn));

/* keeper.c, in the child: the image comes.  Returns when it is whole. */
struct image_arrival;
void receive_image(struct image_arrival *arrival);

/*
 * keeper_job.c.  A child receives the image, and becomes its program.  Returns when nothing is left that could
 * refuse; if something has, exits with the status that the child had.
 */
struct job job_start(bool verbose);

/* remote_plan.c, in the child.  Becomes the program; one byte goes to `ready` when the plan is made. */
void remote_become(const struct image_arrival *arrival, int connection, int next_image, int ready, bool verbose)
    __attribute__((noreturn));

/* keeper_relay.c.  Passes frames on until the job has ended, or left and sent its whole image; exits. */
void relay(struct job *job) __attribute__((noreturn));

/*
 * keeper_image.c: a frame of the image is ready in job->image; passes it on.  True: it was the last of them, and is
 * in *whole, not sent yet.
 */
bool pass_image(struct job *job, uint64_t *whole);

/*
 * keeper_watch.c.  Nobody waits for a shadow that is gone, not even in the middle of a frame: after LOST_SECONDS
 * without a sign of it an alarm kills the job and exits with 75.  watch_stop() while the shadow itself is stopped.
 */
void watch_start(pid_t job); /* 0: there is none yet, or no longer */
void watch_sign(void);       /* something came, or went, over the stream */
void watch_stop(void);

/* The end of all: kills the job, says why (a format of printf(3)), and exits. */
void watch_lost(int status, const char *format, ...) __attribute__((noreturn, format(printf, 2, 3)));

#endif
