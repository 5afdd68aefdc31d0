/*
 * part.h - one room per kind of process state.
 *
 * A part is one source file that knows how to save, describe and restore one kind of state; it owns
 * one note type of image.h and the struct inside.  A build is a list of parts (parts.c in each stage):
 * a new kind of state is a new file and one line in that list.
 *
 * The same object file is linked into libckpt.so (save, in a signal handler), readckpt (describe) and
 * restart (restore, in the restorer, where there is no libc).  So a part uses sys.h, text.h and
 * procfile.h only, and has no writable data.
 */
#ifndef CKPT_PART_H
#define CKPT_PART_H

#include "image.h"
#include "procfile.h"
#include "sys.h"
#include "text.h"
#include "times.h"

struct image_vdso;
struct image_platform;
struct known_pages;
struct live_view;

/* What libckpt knows before it takes a checkpoint: what only libc could tell, and what was asked for. */
struct save_request {
    int signal;                      /* the checkpoint signal */
    bool full;                       /* CKPT_FULL: store the pages of unchanged files too */
    bool periodic;                   /* libckpt has a POSIX timer of its own */
    uint64_t rseq_address;           /* glibc's registered rseq area, or 0 */
    uint32_t rseq_size;              /* bytes, as it was registered: rseq.h */
    uint32_t thread_id;              /* where libc keeps the thread's number: thread_id.h */
    const struct image_vdso *vdso;   /* vdso_leave.h; NULL: this build does not look */
    const ucontext_t *context;       /* filled by getcontext */
    uint64_t setcontext;             /* address of libc's setcontext */
    struct second_life *second_life; /* where restart leaves its message */
    const ucontext_t *interrupted;   /* the program's registers, as the kernel left them for the handler */
    const struct image_platform *platform; /* noted at the start; NULL: this build does not */
    bool (*is_standard)(int fd);     /* is this one of the files that were 0, 1, 2 at the start?  NULL: not known */
    bool at_once;                    /* ckpt_now() waits for the image */
    const struct live_view *(*live_view)(void); /* ckpt --live: below; the function, or its result, may be NULL */
    bool (*is_own)(int fd);          /* is this descriptor libckpt's own?  NULL: it has none */
    long (*remote_note)(void *note, size_t room); /* writes NOTE_REMOTE; NULL: it is no job of a shadow's */
    bool elsewhere;                  /* the image goes to another machine (library.h), not to a file */
    const char *table_path;          /* CKPT_FDFILE: write the Open File Table there, as text; "": no */
    char *image_name;                /* PATH_MAX bytes: the image's absolute name, up to its %p */
    char *wish;                      /* CKPT_EVICT: evict.h; "": none */
    struct times *times;             /* of this checkpoint, as far as it is */
};

/* ckpt --live: what a room must know of the child that saves the program meanwhile. */
struct live_view {
    long child;                      /* its pid: it is no child of the program's */
    bool (*tracks)(uint64_t start);  /* does it track this memory, with a userfaultfd that is not the program's? */
    const struct known_pages *held;  /* where it saw held locks; NULL: not known */
    bool copied;                     /* it is a copy of the program, and looks for them itself */
};

static inline const struct live_view *live_view(const struct save_request *request)
{
    return request->live_view != NULL ? request->live_view() : NULL;
}

/* printf(3), handed to describe(), so that the same object links where there is no printf. */
typedef int (*part_printf)(const char *format, ...) __attribute__((format(printf, 1, 2)));

struct part {
    uint32_t type;    /* enum image_note_type */
    const char *name; /* one word, for readckpt and messages */
    size_t min_size;  /* bytes; a shorter note is refused */

    /*
     * Writes the note into `room` zeroed bytes, at least PART_ROOM.  Returns its size, 0 for no note, or -errno.
     * Nothing has changed then.  All signals are blocked.  The last PART_ROOM bytes are memory to work in
     * for all parts, if the note does not need them; there may be something in them.
     */
    long (*save)(const struct save_request *request, void *note, size_t room);

    /* Prints the note for people, each line indented by two blanks. */
    void (*describe)(part_printf print, const void *note, size_t size);

    /* In the restorer: gives the state to the kernel.  Returns 0 or -errno.  NULL: nothing to do there. */
    long (*restore)(const void *note, size_t size);
};

/* The parts of this build in the order in which they are saved and restored; the last is NULL. */
extern const struct part *const all_parts[];

/* There may be these; which are in this build, parts.c says. */
extern const struct part thread_part, mm_part, process_part, signals_part, timers_part, lost_part, platform_part,
    vdso_part, files_part, shared_part, attributes_part, memory_part, posix_timers_part, children_part,
    mutexes_part, numa_part, surroundings_part, settings_part, library_part, frame_part, remote_part;

/* Does this build save memory that is shared with others (parts.c)?  Without, it is refused. */
extern const bool saves_shared_memory;

#endif
