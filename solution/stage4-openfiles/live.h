/*
 * live.h - ckpt --live: the program goes on while it is saved.  Given; for readers.
 *
 * Two ways: a child of fork(2), a copy of the moment of the signal (live_fork.c), which is --live; and this one,
 * --live=track, by which the program stands still for less.  It believes the kernel's notes; who writes past them,
 * such as another process (process_vm_writev(2)), is not noted.  That is why it must be asked for.
 *
 *     the program  |-clone-|....goes on..............................|--what must stand still--|....goes on...
 *     its child          |--round 1: all pages--|--round 2: changes--| ^ signal |--last changes--|--cleans up--|
 *
 * The child shares the program's memory (CLONE_VM) and nothing else: it has a stack and descriptors of its own,
 * makes system calls only, and is nobody's business: wait(2) and SIGCHLD do not tell of it (its exit signal is 0).
 * It lets the kernel note which pages are written to (write_tracking.h), writes all pages into the file, then again
 * those that were written to meanwhile.  Are they few, it sends the checkpoint signal, and the program stands still
 * for the rest: its table of regions, its notes, all that is not tracked, and the last changes.  That is the moment
 * that is saved.
 *
 * Where nothing can be tracked the child is one of fork(2): a copy of the moment of the signal (live_fork.c).
 *
 * The two have a word in common, `state`; who changes it wakes the other (futex(2)).
 */
#ifndef CKPT_LIVE_H
#define CKPT_LIVE_H

#include "arena.h"
#include "image_mutexes.h"

enum live_state {
    LIVE_COPYING, /* the child copies, the program goes on */
    LIVE_READY,   /* few changes are left: the child has sent the signal, and waits */
    LIVE_LAST,    /* the program stands still, and waits until the child has written the rest */
    LIVE_GIVE_UP, /* the program wants no image any more */
    LIVE_WHOLE,   /* the image has its name, or there is none: `error` tells.  The child cleans up */
    LIVE_AGAIN,   /* the same, and the program wants another one: then the child sends the signal once more */
    LIVE_OVER,    /* the child ends */
};

/* Bytes of memory, and where they are in the file. */
struct live_place {
    uint64_t start, end, offset;
};

#define LIVE_STACK (64UL << 10) /* bytes */
#define LIVE_COPY (64UL << 10)

/* Behind the arena, in the same mapping: shared by both, in no image. */
struct live {
    struct incremental *incremental; /* incremental.h; NULL */
    uint64_t birth; /* a time, in nanoseconds, by which one knows it */
    uint32_t state;
    int signal, error; /* the checkpoint signal; 0 or -errno */
    long program, child; /* pids; the child's is 0: the program does all by itself */
    bool said;         /* that it failed */
    bool forks;        /* the child is a copy: live_fork.c */
    bool direct;       /* a device may have written past the notes: all counts as written to (live_direct.c) */
    char path[2 * PATH_MAX]; /* the image's name */
    uint64_t device, inode;  /* of the file that is to have it; 0: it is not whole yet */
    int image, tracker; /* descriptors of the child's */
    uint64_t rounds, pages, last_pages; /* that were made; that were copied; of these, those that changed since */
    uint64_t head_room, end;            /* of the file: up to the first place; behind the last one */
    size_t place_count;
    struct live_place places[IMAGE_MAX_REGIONS]; /* of memory that is tracked; ascending */
    struct image_region whole[IMAGE_MAX_REGIONS]; /* the table of regions before it was cut */
    uint64_t offsets[IMAGE_MAX_REGIONS];         /* of each region's bytes in the file */
    struct known_pages held;   /* live_locks.c */
    char copy[LIVE_COPY] __attribute__((aligned(8)));
    char stack[LIVE_STACK] __attribute__((aligned(64)));
};

#define LIVE_OFFSET round_up(sizeof(struct arena), 64)
#define LIVE_SIZE (LIVE_OFFSET + sizeof(struct live)) /* of both */

static inline struct live *live_of(struct arena *arena)
{
    return (struct live *)((char *)arena + LIVE_OFFSET);
}

#define LIVE_NAME "ckpt-live" /* the child's, for ps(1), and for the next program of this process: bury_earlier() */
#define LIVE_NAME_ROOM 16     /* bytes of a name: prctl(2) */

/*
 * live.c, for manners.c.  live_checkpoint() returns 0 or -errno: -EINPROGRESS if the image comes later.  With
 * at_once, and without --live, it is whole when it returns.
 */
int live_checkpoint(int (*write_image)(void), const char *path, bool at_once);
/* For incremental.c: an arena that is mapped, and what is behind it, for one checkpoint. */
void live_set_up(struct arena *arena, const char *path);
void live_start(int signal);
/* Did that begin an image whose name is settled?  With tracking the name is that of the last signal. */
bool live_has_name(void);
void live_new_life(void);

/* live_state.c.  The second does nothing, and returns false, if the state is not `from`. */
void live_set_state(struct live *live, enum live_state state);
bool live_change_state(struct live *live, enum live_state from, enum live_state to);
static inline enum live_state live_state(const struct live *live)
{
    return (enum live_state)__atomic_load_n(&live->state, __ATOMIC_SEQ_CST);
}
/*
 * Is the memory to work in where it was?  A child of fork(2) does not have it; and the program, which does not know
 * of it, may have mapped something else there (MAP_FIXED).  What is in it tells which mapping it is.
 */
bool live_is_there(struct arena *arena, uint64_t size, uint64_t birth);
/* For the child: the file is whole.  For the program: so it is; and has it its name, whoever was killed since? */
void live_note_whole(struct live *live, const struct stat *st);
bool live_is_named(const struct live *live);
/* What the user hears when there is no image. */
void live_say_failure(const struct live *live, int error);
/*
 * Around the clone(2), so that the child has its name from its first moment on: the program has it meanwhile, and
 * its own in `own`.
 */
void live_lend_name(char own[LIVE_NAME_ROOM]);
void live_own_name(const char own[LIVE_NAME_ROOM]);
/* For the program: does the child live? */
bool live_child_is_there(const struct live *live);
/* Waits until the state is no longer `state`, or the other one is gone: then false. */
bool live_wait(struct live *live, enum live_state state, bool (*other_is_there)(const struct live *));
/* For the child: is the program there, and the same program still? */
bool live_program_is_there(const struct live *live);
/* For the child: sends the checkpoint signal.  False: it did not, since that would kill the program. */
bool live_send_signal(const struct live *live);
/* For the child: closes all descriptors but one (-1: all), and none of the program's; CLONE_FILES is undone. */
void live_own_descriptors(int but);

/* For the child: gives the image its name, or removes it if live->error is set. */
void live_name_image(struct arena *arena);
/* For the child: its last act.  The program hears of it if it must say what failed, or wants another image. */
__attribute__((noreturn)) void live_exit(struct live *live, bool failed);

/* live_obstacle.c: a number of /proc/self/status.  NULL, or why this program must stand still. */
uint64_t live_status_number(const char *key);
const char *live_obstacle(void);
/* Has it set a filter of system calls since the first of these was called?  The third: for a program that ends. */
void live_note_filters(void);
bool live_has_new_filter(void);
bool live_is_free_at_end(void);
/* For the child: can the program take a checkpoint signal? */
bool live_would_survive(const struct live *live);

/* live_fork.c: the first note of this type, or NULL. */
void *live_find_note(struct note_list *notes, uint32_t type);

/* live_copy.c: what the child does; it does not return.  The argument is a struct arena. */
__attribute__((noreturn)) void live_copy(void *arena);
/* What incremental_live.c needs of it.  All return 0 or -errno; -ECANCELED: nobody wants the image any more. */
struct region;
/* Calls add() for each region whose pages can be copied; how many regions there are, of all kinds, or -errno. */
long live_find_memory(struct arena *arena, int (*add)(struct arena *, const struct region *));
/* Rounds, as long as each has much less to do (live->pages) than the one before. */
int live_rounds(struct arena *arena, int (*round)(struct arena *));
/* Copies a run of pages to live->image, and notes in which of them locks are held. */
int live_copy_run(struct live *live, const struct page_run *run, uint64_t offset);
/* Few changes are left: the program is to stand still, and then write_rest() is called. */
int live_ask_for_rest(struct arena *arena, int (*write_rest)(struct arena *));

/*
 * live_fork.c: writes the head and all that a child would not see; its child writes the rest.  -EINPROGRESS or
 * -errno.
 */
int live_fork(struct arena *arena);

/* live_direct.c, for the child: has the program a file open with O_DIRECT?  True if nobody tells. */
bool live_reads_directly(const struct live *live);

/* live_locks.c: notes in which pages of the run locks are held. */
void live_look_for_locks(struct live *live, const struct page_run *run);

/*
 * live_places.c: cuts the regions where memory that is copied ends, and gives each its place in the file.  A region
 * that is in a place is copied already.
 */
void live_plan_places(struct arena *arena);
bool live_may_be_cut(const struct region_table *table, const struct image_region *region);
static inline bool live_is_copied(const struct live *live, size_t region)
{
    return live->offsets[region] < live->end;
}
/* Has it bytes, and are they in a place? */
static inline bool live_is_placed(const struct arena *arena, size_t region)
{
    return (arena->table.regions[region].flags & REGION_STORED) && live_is_copied(arena->live, region);
}

/* arch_clone_*.S: clone(2), whose child calls function(argument) on another stack.  Its pid or -errno. */
long arch_clone_on(long flags, void *stack_top, void (*function)(void *), void *argument)
    __attribute__((visibility("hidden")));

#endif
