/*
 * serve_paths.h - which files the job may use, and the way there.
 *
 * Two lists.  Trees: a file or folder with all that is in it, to read or also to change.  Names on the way: "/",
 * "/home", "/home/you" and "/bin" (a link), if only /home/you/work and /usr are allowed: they may be looked at
 * (stat, readlink), so that one can walk to what is allowed; what else lies beside them stays unknown.
 */
#ifndef CKPT_SERVE_PATHS_H
#define CKPT_SERVE_PATHS_H

#include "serve.h"
#include "text.h"

#include <limits.h>

/* Allows a path, as it stands and where its links lead.  False (errno): it leads nowhere. */
bool allow_add(const char *path, bool change);

/* All that is allowed without being asked for: the system's folders, and what PROG (or NULL) and its ARGS need. */
void allow_for(const char *prog, char **argv);

/* Writes the list to standard output. */
void allow_print(void);

/* May the job use the file of this absolute path, which has no links in it?  Change it? */
bool allow_inside(const char *path, bool change);

/* May it know whether there is such a name? */
bool allow_look(const char *path);

/* Where a path leads.  The descriptors are O_PATH. */
struct place {
    int directory;           /* the last folder of the path; -1 if the path is /proc/self/fd/N */
    int object;              /* what the path means; -1: there is nothing of this name */
    int job_fd;              /* N of /proc/self/fd/N, else -1 */
    char name[NAME_MAX + 2]; /* in directory, with a '/' behind it if the path had one; "." for a folder itself */
    char path[PATH_MAX];     /* absolute, and without links */
};

/*
 * Walks along a path, step by step, from `directory` (AT_FDCWD, or a descriptor).  follow: a link at its end is
 * followed; else the link is the place.  0 or -errno; -EACCES: it leads through what is not allowed.  The caller
 * closes place->directory and, if it is another descriptor, place->object.
 */
int path_walk(int directory, const char *path, bool follow, struct place *place);

/*
 * The path in argument i: path_walk(), and whether it may be used so.  Its descriptors are closed after the call.
 */
bool take_place(struct request *r, int i, int directory, enum path_use use, int at_flags, struct place *place);

/* The name by which the kernel knows what this descriptor has open: /proc/self/fd/N.  Returns room. */
#define FD_NAME_ROOM (sizeof "/proc/self/fd/" + sizeof(struct number))
const char *fd_name(int fd, char room[FD_NAME_ROOM]);

/* The absolute path of what this descriptor has open, as the kernel has it now.  0 or -errno. */
int path_of(int fd, char path[PATH_MAX]);

/* Notes, and with -v says, that the job wanted a file that it may not use. */
void refused(const char *path);

#endif
