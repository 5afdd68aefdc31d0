/* image_write.h - writes this process into an image.  Async-signal-safe. */
#ifndef CKPT_IMAGE_WRITE_H
#define CKPT_IMAGE_WRITE_H

#include "arena.h"
#include "regions.h"

/* The notes of an image, one behind the other as they will stand in the file. */
struct note_list {
    char *bytes; /* room for all notes that there can be: checkpoint.c */
    size_t size;
    uint64_t *checksum; /* in NOTE_HEADER; filled when the layout is known */
};

/* Where the value of the next note goes; the caller fills it, then calls note_end() with its size in bytes. */
void *note_begin(struct note_list *notes);
void note_end(struct note_list *notes, const char *name, uint32_t type, size_t size);

/*
 * Writes header, notes and regions to fd, which is empty.  Returns 0 or -errno.  Takes memory from the
 * arena for the program headers.
 */
int image_write(int fd, struct arena *arena, const struct region_table *table, const struct note_list *notes);

#endif
