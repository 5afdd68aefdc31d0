/*
 * open_kind.h - what each kind of open file can do: one source file each, kind_*.c, and a line in kinds.c.
 *
 * save() runs in libckpt's signal handler, open() in restart's plan, where it may still fail without harm,
 * commit() at the plan's end, and finish() in the restorer.  So a kind uses sys.h, text.h and procfile.h only, and
 * has no writable data.
 * What finish() needs is called by name (part_files.c): the restorer's code is moved, its tables are not.
 */
#ifndef CKPT_OPEN_KIND_H
#define CKPT_OPEN_KIND_H

#include "open_files.h"
#include "procfile.h"
#include "sys.h"
#include "text.h"

/* A descriptor of this process, as the kernel shows it. */
struct fd_view {
    int fd;
    struct stat status;
    char link[PATH_MAX + 64]; /* where /proc/self/fd/N leads: a path, "pipe:[123]", "anon_inode:[eventfd]" */
    char info[1 << 18];       /* /proc/self/fdinfo/N, proc_pid_fdinfo(5) */
};

/* A table that is being filled. */
struct files_save {
    struct open_file_table *table;
    size_t extra_room;    /* bytes behind the table */
    size_t content;       /* bytes of content so far, of OPEN_CONTENT_LIMIT */
    struct fd_view *view; /* of the descriptor at hand */
};

struct open_kind {
    const char *name; /* one word, for people */

    /* Is this descriptor of this kind?  The first kind in kinds.c that says yes gets it. */
    bool (*is)(const struct fd_view *view);

    /*
     * Adds to `file`, whose general fields are filled, what the kind needs.  Returns 0; or -errno, and the
     * checkpoint is refused.  It may set file->kind to OPEN_LOST: announced, not refused.  NULL: nothing more.
     */
    long (*save)(struct files_save *save, struct open_file *file);

    /*
     * Opens it again, in restart's plan: a new descriptor with the file's flags, or -errno.  Offsets are set later.
     * Nothing outside of restart may change by that; what cannot be opened so is a placeholder (O_PATH) for now.
     */
    long (*open)(const struct open_file_table *table, const struct open_file *file);

    /*
     * Behind the last check (files_commit.c): puts in the place of a placeholder, file->real_fd, what it stands
     * for.  0 or -errno: then the placeholder stays.  NULL: open() does all.
     */
    long (*commit)(const struct open_file_table *table, const struct open_file *file);
};

/* By enum open_kind_number. */
__attribute__((visibility("hidden"))) extern const struct open_kind *const open_kinds[OPEN_KINDS];

/* kind_*.c; each table entry is named for its file. */
extern const struct open_kind kind_lost, kind_file, kind_directory, kind_device, kind_terminal, kind_fifo;
extern const struct open_kind kind_pipe, kind_memfd, kind_eventfd, kind_timerfd, kind_signalfd, kind_epoll;
extern const struct open_kind kind_inotify;

/*
 * In the restorer, when all descriptors are in their places: what can only be done then.  0 or -errno; an
 * error is said there, and the restart goes on.
 */
long kind_memfd_finish(const struct open_file_table *table, const struct open_file *file);
long kind_epoll_finish(const struct open_file_table *table, const struct open_file *file);
long kind_timerfd_finish(const struct open_file_table *table, const struct open_file *file);
long kind_terminal_finish(const struct open_file_table *table, const struct open_file *file);

/* In the plan, when all is open: will some of it not be as it was (an entry, a watch, events)?  For --strict. */
bool kind_epoll_loses(const struct open_file_table *table, const struct open_file *file);
bool kind_inotify_loses(const struct open_file_table *table, const struct open_file *file);

/* file_locks.c: the locks of a descriptor, fcntl(2) and flock(2): noted in the table; taken again, or a warning. */
long file_locks_save(struct files_save *save, struct open_file *file);
void file_locks_finish(const struct open_file_table *table, const struct open_file *file);

/* files_save.c: `size` zeroed bytes more in extra, aligned to 8; *at tells where.  NULL: there is no room. */
void *extra_add(struct files_save *save, size_t size, uint64_t *at);
/* Puts bytes into file->data.  Once for each file.  0 or -E2BIG. */
long save_data(struct files_save *save, struct open_file *file, const void *bytes, size_t size);

/*
 * content.c: puts the content of `fd`, a file of `size` bytes, without its holes, into file->data; gives it
 * back to another file.  0 or -errno (-EFBIG: beyond OPEN_CONTENT_LIMIT).
 */
long content_save(struct files_save *save, struct open_file *file, int fd, uint64_t size);
long content_load(const struct open_file_table *table, const struct open_file *file, int fd);

/* kind_lost.c: why this one cannot come back, in a few words. */
const char *lost_reason(const struct open_file_table *table, const struct open_file *file);

/* kind_lost.c: a descriptor that holds a number, and nothing can be done with (O_PATH). */
long open_placeholder(void);

/*
 * pseudo_files.c: what a file is that lies on no disk but is made by the kernel, on a file system of this type
 * (statfs(2), f_type); NULL: no such file system is known.
 */
const char *pseudo_words(uint64_t type);
/* The type of such a file system that `fd` lies on; 0: another one. */
uint64_t pseudo_type(int fd);

/*
 * fdinfo.c: an entry that is open already, and shows the same file (device and inode) as this one, by an open(2) of
 * its own: the two ends of a pipe, a memfd opened twice.  NULL: this one is the first.
 */
const struct open_file *open_peer(const struct open_file_table *table, const struct open_file *file);

/* fdinfo.c: opens what `fd` shows once more, with an offset and flags of its own.  A descriptor or -errno. */
long fd_reopen(int fd, int flags);

/* fdinfo.c: what `fd` shows is at `number` from now on, and no longer at fd.  0 or -errno: also if fd is one. */
long fd_replace(long fd, int number);

/* fdinfo.c: behind `key` at the start of a line of fdinfo; first, or in the next lines.  NULL: no such line. */
const char *fdinfo_find(const char *info, const char *key);
const char *fdinfo_next(const char *at, const char *key);

/* fdinfo.c: the number behind `word`, anywhere in the line; 0 if there is none. */
uint64_t fdinfo_in_line(const char *line, const char *word, unsigned base);

/* fdinfo.c: the number behind "key:" at the start of a line of fdinfo.  False: there is no such line. */
bool fdinfo_number(const char *info, const char *key, unsigned base, uint64_t *value);

/*
 * fdinfo.c: calls is_it() for each entry of a folder such as /proc/self/fd until it is true.  1, 0 (it was not) or
 * -errno.
 */
long fdinfo_any(const char *folder, bool (*is_it)(const char *folder, const char *name, void *to), void *to);

/*
 * part_children.c: the pids of the main thread's children, "PID PID ", as far as there is room, and '\0'.
 * Their size in bytes, or -errno: this kernel does not tell.  No libc.
 */
long children_read(char *to, size_t size);

/* The number at *at in the given base; *at moves behind it.  Blanks before it are skipped. */
uint64_t text_parse(const char **at, unsigned base);

static inline bool text_is(const char *s, const char *other)
{
    return strncmp(s, other, strlen(other) + 1) == 0;
}

static inline bool text_starts(const char *s, const char *prefix)
{
    return strncmp(s, prefix, strlen(prefix)) == 0;
}

/* kind_file.c: a file without a name, in the directory where it was; else in /tmp.  A descriptor or -errno. */
long make_nameless(const char *path);

#endif
