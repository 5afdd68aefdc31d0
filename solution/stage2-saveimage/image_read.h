/*
 * image_read.h - opens an image and believes nothing that it has not checked.  Used by readckpt and
 * restart, with libc; not async-signal-safe.
 */
#ifndef CKPT_IMAGE_READ_H
#define CKPT_IMAGE_READ_H

#include "arch_core.h"
#include "libc.h"
#include "part.h"

#include <sys/procfs.h>

/* One note. */
struct image_note {
    const char *name; /* "CORE" or "CKPT" */
    uint32_t type;
    const void *value; /* aligned to 4 only: use memcpy where that is not enough */
    size_t size;
};

#define IMAGE_MADE_NOTES 16

struct image {
    int fd;        /* open for reading */
    uint64_t size; /* bytes in the file */
    char *head;    /* malloc'ed: the file up to the end of the notes; the pointers below point into it */
    uint64_t head_size;
    const Elf64_Phdr *segments; /* [0] is the PT_NOTE */
    const Elf64_Phdr *loads;    /* loads[i] belongs to regions[i] */
    const struct image_header *header;
    struct image_region *regions;
    size_t region_count;
    const char *names; /* regions[i].name is an offset into this */
    size_t names_size;
    const struct image_context *context;
    const char *why; /* after a failure: what is wrong with the image */
    struct image_note made[IMAGE_MADE_NOTES]; /* image_put_note() */
    size_t made_count, made_size;
};

/*
 * Opens and checks the image at `path`.  Returns 0, or an exit status of <sysexits.h> with image->why
 * filled: EX_NOINPUT if it cannot be opened, EX_DATAERR if it is not a whole and valid image.
 * After success image_close() releases it; after a failure there is nothing to release.
 */
int image_open(struct image *image, const char *path);
void image_close(struct image *image);

/* Reads everything before the regions' bytes, of any machine's image: then the next two find its notes. */
bool image_read_head(struct image *image, const Elf64_Ehdr *elf);

/* Reads bytes of the file, which may come in pieces. */
bool image_pread(const struct image *image, void *to, uint64_t size, uint64_t offset);

/* Steps through the notes: *at starts as 0.  False at the end. */
bool image_next_note(const struct image *image, uint64_t *at, struct image_note *note);

/* The value of one note, or NULL if the image has none with at least min_size bytes. */
const void *image_note(const struct image *image, const char *name, uint32_t type, size_t min_size, size_t *size);

/* What the notes of a core file say of the registers.  False: there are none. */
static inline bool image_registers(const struct image *image, struct arch_core *to)
{
    const struct elf_prstatus *status = image_note(image, IMAGE_CORE_NAME, NT_PRSTATUS, sizeof *status, NULL);
    const void *tls = image_note(image, IMAGE_LINUX_NAME, ARCH_TLS_NOTE, sizeof(uint64_t), NULL);
    uint64_t base = 0;
    *to = (struct arch_core){0};
    if (status != NULL)
        memcpy(&to->general, (const char *)status + offsetof(struct elf_prstatus, pr_reg), sizeof to->general);
    if (tls != NULL)
        memcpy(&base, tls, sizeof base);
    arch_core_put_tls(to, base);
    return status != NULL;
}

/*
 * From now on image_note() finds this CKPT note instead of the image's own, or one that was put before.  The value
 * must live as long as the image.  At the most IMAGE_MADE_NOTES types.
 */
static inline void image_put_note(struct image *image, uint32_t type, const void *value, size_t size)
{
    size_t i = 0;
    while (i < image->made_count && image->made[i].type != type)
        i++;
    image->made_count += i == image->made_count;
    image->made[i] = (struct image_note){IMAGE_NOTE_NAME, type, value, size};
    image->made_size += size + 16; /* as it will stand in the restorer's block */
}

/* readckpt --files: the Open File Table as text.  Weak: NULL in a build without such tables. */
void image_show_files(const struct image *image) __attribute__((weak));

/* readckpt --platform: the line of the machine that an image needs; NULL: of this one.  An image
 * that does not say it ends the process (65).  Weak, too. */
void platform_show(const struct image *image) __attribute__((weak));

/* Prints the line of a descriptor that is open on another machine.  False: it is not.  Weak, too. */
bool image_show_home(const struct image *image, int fd) __attribute__((weak));

/* The region that an address lies in, or NULL. */
const struct image_region *image_region_at(const struct image *image, uint64_t address);

#endif
