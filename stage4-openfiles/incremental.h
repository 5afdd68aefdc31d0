/*
 * incremental.h - ckpt --incremental: a checkpoint writes what has changed.  Given; for readers.
 *
 *     checkpoint   1        2        3            4            5
 *     file A       all  IMAGE   SPARE  changed  IMAGE   SPARE  changed  ...
 *     file B                all   IMAGE      SPARE  changed   IMAGE     ...
 *
 * Two files in turn.  One has the image's name; the other one, the spare, is brought up to date where it lies, with
 * what has changed since it was written, and takes the name by rename(2).  So an image is what it always is, one
 * complete core file, and whoever is killed at any instant leaves a whole one under its name.
 *
 * Between checkpoints the kernel notes which pages are written to (write_tracking.h).  At a checkpoint, while the
 * program stands still, all of them are told and protected anew (incremental_pages.c), and go to the list of
 * changes (changes.h), which remembers as long as the older file needs it.  What is not tracked, or is new, counts
 * as written to.  Places in the file belong to addresses, as with --live=track (live_places.c), and are the same in
 * all files (incremental_places.c); if there is too much in the way of that, all is begun anew.
 *
 * With --live, too, most of it is done while the program goes on: incremental_live.c.
 */
#ifndef CKPT_INCREMENTAL_H
#define CKPT_INCREMENTAL_H

#include "changes.h"
#include "live.h"

/* A file that was written, and at which checkpoint.  What has another size or time now was changed by others. */
struct image_file {
    uint64_t device, inode, size, when;
    struct timespec modified;
};

#define FILES_MOST 64 /* with --keep: so many old files are known, at most */

/* Behind the struct live, in the same mapping: in no image, and no child of the program's has it. */
struct incremental {
    uint64_t now;   /* the number of this checkpoint */
    uint64_t since; /* the one at which the file was written that is brought up to date; 0: it is a new one */
    bool meanwhile;   /* the program goes on: a round of incremental_live.c's */
    const char *anew; /* why it is a new one; for -v */
    bool cloned;      /* it is new, but shares the last image's bytes */
    char last_path[2 * PATH_MAX]; /* where that is */
    uint64_t known_end; /* of live->end: behind it are new places, of which no file has anything */
    uint64_t head_wish; /* bytes that the notes need, since there was less room; or 0 */
    uint64_t pages;     /* that are stored in places */
    bool looked;        /* at all memory, so that `held` is known */
    struct known_pages held; /* pages in which locks are held, of those that are not written to since */
    size_t file_count, files_wanted;
    struct image_file files[FILES_MOST]; /* that have names; the youngest is the first */
    struct image_file spare;             /* when: 0: there is none */
    char spare_path[2 * PATH_MAX];
    size_t next; /* into changes: where incremental_write() is */
    struct changes changes, found, merged;
    struct live_place new_places[IMAGE_MAX_REGIONS];
};

#define INCREMENTAL_OFFSET round_up(LIVE_SIZE, 64)
#define INCREMENTAL_SIZE (INCREMENTAL_OFFSET + sizeof(struct incremental)) /* of all three */

static inline struct incremental *incremental_of(struct arena *arena)
{
    return (struct incremental *)((char *)arena + INCREMENTAL_OFFSET);
}

/* incremental.c, for manners.c.  incremental_checkpoint() returns 0 or -errno. */
bool incremental_is_wanted(void);
int incremental_checkpoint(int (*write_image)(void), const char *path);
void incremental_start(void);
void incremental_new_life(void);
/*
 * For live.c, with --live: the arena, with all that is behind it, for this checkpoint; NULL, if writes are not
 * tracked for some reason, which -v says.  incremental_end_of() comes when its child is done with it: `error` is
 * how it ended, and is returned; or incremental_failed() was called, and everything is written now.
 */
struct arena *incremental_lend(const char *path);
int incremental_end_of(int (*write_image)(void), int error);
/* Why the image cannot be brought up to date.  Returns `error`. */
int incremental_failed(int error);
bool incremental_is_possible(void); /* so far */
/* Is it where it was?  No page of the arena is needed before the next checkpoint.  Nothing of all is believed. */
bool incremental_is_here(void);
void incremental_rest(void);
void incremental_let_go(void);
/* For live.c, which answers checkpoint.c: library.h.  0 and NULL if it is not at work. */
uint64_t incremental_arena(void);
const struct live_view *incremental_view(void);
/* The program ends: exit(3), ckpt --evict. */
void incremental_end(void);
/* For image_names.c: the oldest image is to go.  True: it went, and is the spare now. */
bool incremental_takes(const char *name);

/* Two of library.h's, for live.c. */
void incremental_place(struct arena *arena);
int incremental_save(struct arena *arena);

/* incremental_places.c: gives each region its place in the file.  False: that cannot be. */
bool incremental_plan(struct arena *arena);

/*
 * incremental_pages.c.  The first tells what has changed, and protects it: `tracker` notes what changes next.  The
 * second writes what of a run of pages the file does not have, or has from an earlier time.  The third does both
 * for all memory, while the program stands still.
 */
void incremental_look(struct arena *arena, int tracker);
int incremental_write_changes(struct arena *arena, const struct page_run *run, uint64_t offset);
int incremental_write(struct arena *arena, int tracker);

/* incremental_live.c: what the child does, before it cleans up (live_copy.c).  0 or -errno. */
int incremental_copy(struct arena *arena);

/*
 * incremental_file.c.  The first opens the file for this checkpoint, the spare or a new one: a descriptor or
 * -errno.  The second gives it the image's name and closes it; the old image is the spare then: 0 or -errno.
 */
int incremental_open(struct arena *arena);
int incremental_close(struct arena *arena);
void incremental_drop_spare(struct incremental *incremental);
/* `from`, that file, becomes the spare.  False: it stays what it is. */
bool incremental_keep_spare(struct incremental *incremental, const char *from, const struct image_file *file);
bool incremental_is_file(const struct image_file *file, const struct stat *st);

#endif
