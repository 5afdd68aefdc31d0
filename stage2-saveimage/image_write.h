/* image_write.h - writes this process into an image.  Async-signal-safe. */
#ifndef CKPT_IMAGE_WRITE_H
#define CKPT_IMAGE_WRITE_H

#include "arch_core.h"
#include "arena.h"

/* Begins a list: leaves room for the header and the program headers of so many regions. */
void notes_start(struct note_list *notes, size_t region_count);

/* Where the value of the next note goes; the caller fills it, then calls note_end() with its size in bytes. */
void *note_begin(struct note_list *notes);
void note_end(struct note_list *notes, const char *name, uint32_t type, size_t size);

/* The TLS base, where it has a note.  note_end() writes names of four letters; this has one more, and the room. */
static inline void note_tls(struct note_list *notes)
{
    Elf64_Nhdr *header = (Elf64_Nhdr *)(notes->bytes + notes->size);
    if (ARCH_TLS_NOTE == 0)
        return;
    memcpy(note_begin(notes), &(uint64_t){arch_get_tls()}, sizeof(uint64_t));
    note_end(notes, IMAGE_LINUX_NAME, ARCH_TLS_NOTE, sizeof(uint64_t));
    header->n_namesz = sizeof IMAGE_LINUX_NAME;
}

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
