/*
 * library.h - where libckpt.so and ckpt ask whether this build does more.  A build that does not has none of these
 * functions, and then their addresses are NULL (weak symbols): ask before you call.
 * Given to students whole.
 */
#ifndef CKPT_LIBRARY_H
#define CKPT_LIBRARY_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct arena;
struct image_platform;
struct live_view;
struct save_request;

#define LIBRARY_MORE __attribute__((weak, visibility("hidden")))

/* In the constructor: what is to be noted of this machine. */
LIBRARY_MORE const struct image_platform *library_platform(void);

/* The end of the constructor: the handler for `signal` is registered.  `owner`: the process that ckpt started. */
LIBRARY_MORE void library_start(int signal, long owner);

/* In the handler: a name of an image, with the pid in it already, becomes a file's (image_names.h). */
LIBRARY_MORE void library_image_name(char *path, size_t size);

/*
 * In the handler, in the first life: calls write_image() and returns its result; `path` is the image's name.  With
 * ckpt --live it may return -EINPROGRESS, and the image comes later; not if the request says at_once.
 */
LIBRARY_MORE int library_checkpoint(int (*write_image)(void), const struct save_request *, const char *path);

/* In the handler, in the first life: the image is whole (0) or not.  Does not return if the job is to leave now. */
LIBRARY_MORE void library_saved(int error);

/* Is this descriptor's file one of those that were 0, 1 and 2 at the start of this life? */
LIBRARY_MORE bool library_is_standard(int fd);

/* Is this descriptor libckpt.so's own?  Then it is none of the program's files. */
LIBRARY_MORE bool library_owns(int fd);

/* In the handler, in the second life, when restart's last pages are gone. */
LIBRARY_MORE void library_second_life(void);

/*
 * ckpt --live: the program goes on while it is saved.  checkpoint.c asks for an arena (arena.h);
 * if it gets one (not 0), arena->live is set, and the next two are called: when the regions are known, and when all
 * notes are there.  The fourth: what the rooms must know of it; NULL: the program stands still.
 */
LIBRARY_MORE uint64_t library_live_arena(void);
LIBRARY_MORE void library_live_plan(struct arena *arena);
LIBRARY_MORE int library_live_write(struct arena *arena);
LIBRARY_MORE const struct live_view *library_live_view(void);

/*
 * A job whose files are on another machine, where ckpt-shadow started it.  All but the first are async-signal-safe;
 * none does anything for others.
 */

/* The very end of the constructor: a job of ckpt-shadow's takes its first image here, and ends. */
LIBRARY_MORE void library_remote_start(int signal);

/* In the handler, in the second life, after library_second_life(): from here on system calls are caught. */
LIBRARY_MORE void library_remote_life(void);

/* True: the image is no file, but goes to another machine, by the next two. */
LIBRARY_MORE bool library_remote_image(void);

/* Sends `size` bytes of memory at `from`: those of the image at `offset`, in ascending order.  0 or -errno. */
LIBRARY_MORE int library_remote_bytes(uint64_t from, uint64_t size, uint64_t offset);

/* All have been sent; with what is left out, the image has this size.  0 or -errno. */
LIBRARY_MORE int library_remote_whole(uint64_t size);

/* In the first life, the image is whole (0) or not: does not return if the process is to end now. */
LIBRARY_MORE void library_remote_saved(int error);

/* A line of say()'s: true if it went to another machine. */
LIBRARY_MORE bool library_remote_says(const char *line);

/* Is this descriptor the library's own? */
LIBRARY_MORE bool library_remote_owns(int fd);

/* Writes NOTE_REMOTE: struct part, save. */
LIBRARY_MORE long library_remote_note(void *note, size_t room);

#endif
