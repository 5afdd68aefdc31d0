/*
 * evict.h - ckpt --evict: an engine asks a job to leave (SIGTERM), and the job leaves with its image whole.
 *
 * The job may have a SIGTERM handler of its own, so who is asked is its parent: ckpt stays as that, and so does
 * restart in later lives.
 *
 *     parent   SIGTERM: takes the name EVICTING, sends the checkpoint signal
 *     job      has its image, and its parent has this name: takes the name EVICTED, _exit(0)
 *     parent   reaps a child of this name: exits with STATUS.  Any other end is the job's own, and passed on
 *
 * A name (PR_SET_NAME) is seen by who looks for it in /proc: the job needs no descriptor for this, no memory of its
 * parent's, no file, and the same holds in each life.
 *
 * Uses libc.  In a build without the functions nobody stays, and their addresses are NULL.
 */
#ifndef CKPT_EVICT_H
#define CKPT_EVICT_H

#include "libc.h"
#include "library.h"

#include <limits.h>
#include <signal.h>
#include <stdint.h>

#define EVICTING "ckpt-evicts" /* at most 15 bytes */
#define EVICTED "ckpt-evicted"
#define EVICT_STATUS 85

struct evict {
    int status;            /* the exit status of who left; 0: nobody is asked to */
    int signal;            /* by which the parent is asked */
    int checkpoint;        /* the job's checkpoint signal */
    int resume;            /* 1: the same command goes on with the image, and a job that has ended leaves none */
    uint64_t command;      /* image_checksum() of PROG and ARGS */
    char start[PATH_MAX];  /* the working directory of ckpt */
    char image[PATH_MAX];  /* to be removed; "": none */
    bool restarted;        /* the child is a restart, which can fail by itself */
    bool stopped;          /* it will stop itself (restart --stop): then we do not */
    sigset_t mask;         /* the job's, at its start */
};

/*
 * ckpt, before anything else is prepared: blocks all signals, so that none is lost from here on; puts the wish
 * into the environment (CKPT_EVICT); and, with resume, becomes `restart --resume` if there is an image.  Exits with
 * a message if something is wrong.
 */
LIBRARY_MORE void evict_prepare(struct evict *evict, char *const *argv);

/* The options fit together; else exits with 64. */
static inline void evict_check(const struct evict *evict)
{
    if (evict->resume && evict->status == 0)
        errx(EX_USAGE, "--resume goes with --evict");
    if (evict->status != 0 && evict_prepare == NULL)
        errx(EX_USAGE, "--evict comes with stage 4");
}

/* Returns in the child, which is to become the job.  The parent waits for its end, and exits as the job did. */
LIBRARY_MORE void evict_fork(const struct evict *evict);

/* In libckpt.so: does its parent ask it to leave?  Async-signal-safe. */
LIBRARY_MORE bool evict_is_asked(void);

#endif
