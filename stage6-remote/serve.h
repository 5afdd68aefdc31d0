/*
 * serve.h - the shadow's half of a system call: what stub_gen's handlers take from a request.
 *
 * The request comes from a machine that may lie.  Each take_...() checks its argument; what is wrong goes to
 * r->error, and the handler makes no call then.
 */
#ifndef CKPT_SERVE_H
#define CKPT_SERVE_H

#include "frame.h"

#include <fcntl.h>
#include <limits.h>
#include <stdbool.h>
#include <sys/types.h>
#include <sys/uio.h>

#define REQUEST_PIECES 4

struct request {
    const struct call_head *head; /* checked: the sum of in_size is what came */
    char *in[CALL_ARGUMENTS];     /* what came for the i-th argument, or NULL; a '\0' stands behind all of it */
    long arguments[CALL_ARGUMENTS];
    struct iovec out[REQUEST_PIECES]; /* what will go back: memory of the request */
    int out_count;
    char *room; /* FRAME_DATA bytes and a little more, for what goes back, and for names */
    size_t room_used;
    int opened[4]; /* what the paths lead through and to; closed after the call */
    int opened_count;
    char changes[PATH_MAX]; /* the first path that this call changes, absolute; or "" */
    bool waited; /* in request_wait(): then -EAGAIN means that somebody else was faster */
    long error; /* -errno */
};

/* What a call does with the file that a path names.  lab words of stubs.tmpl: path, entry, change, write. */
enum path_use {
    PATH_READ,   /* char *path: links are followed */
    PATH_ENTRY,  /* entry(char *path): a link itself is meant (lstat, readlink) */
    PATH_CHANGE, /* change(char *path): the name is made or removed: its directory must be writable (mkdir) */
    PATH_WRITE,  /* write(char *path): links are followed, the file is changed (truncate, chmod) */
};

/* A descriptor that the job has opened, or was born with: else EBADF, whatever else the shadow has open. */
int take_fd(struct request *r, int i);

/*
 * The same for a call that changes a file whatever it was opened for (fchmod): -EACCES if the job may not change
 * it.
 */
int take_fd_to_change(struct request *r, int i);

/* The same for the directory of a path: AT_FDCWD is right as well. */
int take_directory(struct request *r, int i);

/*
 * The path in argument i, as a name that can be given to the kernel, and that nobody can make another file's
 * meanwhile: /proc/self/fd/N, where N is what it means, opened step by step within what --allow allows; or, where
 * the entry is meant, /proc/self/fd/N/LAST, where N is its directory.  `directory`: AT_FDCWD, or of
 * take_directory().  at_flags: those of the call (AT_SYMLINK_NOFOLLOW and AT_SYMLINK_FOLLOW change `use`; with
 * AT_EMPTY_PATH "" is "").  NULL for NULL. -EACCES: not allowed.
 */
const char *take_path(struct request *r, int i, int directory, enum path_use use, int at_flags);

const char *take_text(struct request *r, int i);               /* a string, ended by '\0'; NULL for NULL */
void *take_in(struct request *r, int i, size_t size);          /* exactly size bytes; NULL for NULL */
void *take_out(struct request *r, int i, size_t size);         /* zeroed room for what goes back; NULL for NULL */
void *take_inout(struct request *r, int i, size_t size);       /* both */

/* out[k] shall have `size` bytes: char buf[count] comes back up to the result. */
void give_back(struct request *r, int k, size_t size);

/*
 * waits_in, waits_out: returns 0 when the descriptor is ready (POLLIN, POLLOUT), -EAGAIN with CALL_NO_WAIT, or
 * REQUEST_ABANDONED when the job asked for that meanwhile.  Regular files are always ready.
 */
long request_wait(struct request *r, int fd, short events);
#define REQUEST_ABANDONED (-0x10001L)

/* As many of count bytes as a write can take that must not block: PIPE_BUF, or all for a regular file. */
size_t request_room(int fd, size_t count);

/* The result of a call of libc's, as the kernel gives it: r, or -errno. */
long request_result(long r);

/* --- Between the shadow's files --- */

/*
 * The job's descriptors: 0, 1, 2, and what it has opened.  Those numbers are never used for something else: 0 to 2
 * stay taken when the job has closed them.  `change`: the file lies where the job may change files.
 */
void serve_start(void);
bool job_has(int fd);
bool job_was_born_with(int fd);
bool job_may_change(int fd);
long job_add(int fd, bool change); /* fd, or -EMFILE: then fd is closed */
void job_remove(int fd);           /* and closes it, if since_parks() does not need it */
void job_unpark(int fd);           /* it is the job's again */
#define JOB_FILES 4096             /* numbers */

/* Memory of the request, aligned for any type and zeroed; NULL: there is no more (r->error). */
void *request_memory(struct request *r, size_t size);

/* If the job was refused a file and then failed, that may be why. */
void serve_say_refused(void);

/* One handler for each call, by its number; stub_gen makes the array, and what is `served` is written by hand. */
typedef long request_handler(struct request *r);

#endif
