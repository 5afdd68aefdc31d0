/*
 * since.h - what has changed at home since the job's last image, and the way back to it.
 *
 * A machine vanishes, and the job with it.  Its last image is here, but the job has gone on since: it has written
 * to files, opened and closed some.  If the image is started again now, all this happens a second time.  That is
 * right only where it can be taken back:
 *
 *     a file has grown       it is cut back; one that was made is removed
 *     opened, closed         descriptors, their offsets, the working directory and umask are put back
 *     all else               written in place (a database), renamed, removed, locked; bytes that a pipe or a
 *                            terminal took or gave: nobody can take that back, and it is listed
 *
 * So each call that succeeds is noted, and one that this file has never heard of counts as "all else".
 *
 *     since.c          what is noted: descriptors, files, and what cannot be taken back
 *     since_calls.c    which call changes what
 *     since_back.c     the way back
 */
#ifndef CKPT_SINCE_H
#define CKPT_SINCE_H

#include "serve.h"
#include "serve_paths.h"

#include <sys/stat.h>

/*
 * The image is here and the job stands still: from now on all is noted that changes.  What was noted is forgotten.
 */
void since_image(void);

/* A call of the job's has succeeded. */
void since_call(const struct request *r, long result);

/* It has opened a file; `before` is what was there: st_mode 0 if nothing was. */
void since_opened(int fd, const struct place *place, const struct stat *before, int flags);

/*
 * The job closes fd.  True: it was open when the image was made and must be open if that begins again; so it is not
 * closed now, only parked.  Its POSIX locks are dropped, as close(2) would.
 */
bool since_parks(int fd);

/* It is closed: nothing is known of this number any more. */
void since_closed(int fd);

/*
 * Takes all back.  False: something cannot be; it is listed on standard error then, and nothing has been done.
 * `force`: what can be is taken back, and the rest stays as it is.
 */
bool since_go_back(bool force);

/* --- Between these files --- */

struct changed_file {
    dev_t device;
    ino_t inode;
    char *path;      /* malloc'ed; where it was when it was opened */
    off_t then;      /* its size at the image */
    off_t ours;      /* what it must be now, if nobody but the job has written */
    bool made;       /* there was none */
    bool settled;    /* it is gone again, or in the list of what cannot be taken back */
};

struct descriptor_then {
    bool open, parked; /* parked: the job has closed it since */
    bool lost;         /* closed, and cannot be opened again */
    off_t offset, size; /* -1: it has none */
    int flags;         /* F_GETFL */
};

#define CANNOT_MOST 200 /* texts; nobody reads more */

struct since {
    bool noting; /* there was an image */
    struct changed_file *files;
    size_t file_count;
    char *cannot[CANNOT_MOST]; /* texts, malloc'ed */
    size_t cannot_count;
    struct descriptor_then then[JOB_FILES];
    int file_of[JOB_FILES]; /* number of the file that this descriptor writes to, plus 1; 0: not yet known */
    int folder;             /* the working directory, O_PATH */
    mode_t umask;
    bool locks; /* the job uses flock(2) or OFD locks: they live as long as a descriptor */
};

extern struct since since;

/*
 * It is where our own messages go: those stay, so nothing there is cut back or overwritten.  What the job writes to
 * its standard error may come twice.
 */
bool since_has_messages(int fd);

/* Has the descriptor this file open? */
bool since_is_file(int fd, dev_t device, ino_t inode);

/* The file of a descriptor, as a path for people: static memory. */
const char *since_name(int fd);

/* Notes that something cannot be taken back; the same text once. */
void since_cannot(const char *format, ...) __attribute__((format(printf, 1, 2)));

/* The same for a file: it is left as it is. */
void since_settle(struct changed_file *file, const char *how);

/* The file that a descriptor writes to, noted if it was not yet; NULL: it is none with a size (a pipe). */
struct changed_file *since_file(int fd);

#endif
