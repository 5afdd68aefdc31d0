/* image_write.h - writes this process into an image.  Async-signal-safe. */
#ifndef CKPT_IMAGE_WRITE_H
#define CKPT_IMAGE_WRITE_H

#include "arena.h"

/* Begins a list: leaves room for the header and the program headers of so many regions. */
void notes_start(struct note_list *notes, size_t region_count);

/* Where the value of the next note goes; the caller fills it, then calls note_end() with its size in bytes. */
void *note_begin(struct note_list *notes);
void note_end(struct note_list *notes, const char *name, uint32_t type, size_t size);

/* Writes headers, notes and regions to fd, which is empty, or IMAGE_ELSEWHERE (pages.h).  Returns 0 or -errno. */
int image_write(int fd, struct arena *arena);

/*
 * The steps of it.  image_head() fills in what stands before the notes, when these are complete, and returns the
 * size of the whole file; offsets[i] is where region i has its bytes in it (then the result means nothing), NULL:
 * one behind the other.
 */
uint64_t image_head(struct arena *arena, const uint64_t *offsets);
int image_write_head(int fd, const struct note_list *notes, uint64_t file_size);
/* arena->pagemap is open (page_runs.h). */
int image_write_region(int fd, struct arena *arena, size_t region);

#endif
