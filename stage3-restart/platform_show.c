/*
 * platform_show.c - readckpt --platform: a machine in one line, for batch systems to compare.  Given.
 *
 * Words KEY=VALUE, with a blank between them, always in this order; more may come behind them:
 *
 *     ckpt-platform=1         the version of this line
 *     arch=x86_64
 *     level=x86-64-v4         the highest level of which all instructions are there: x86-64 to x86-64-v4
 *     kernel=6.1.0            the kernel's release, uname(2)
 *     vdso=9f3a...            the build id of its vdso; "-": it has none
 *     page=4096               bytes
 *     vectors=2@576+256,...   the parts of the vector registers beyond SSE: number, offset and size (XSAVE)
 *     bound=no                or the level that libc was bound to: ckpt --portable
 *     features=pni,ssse3,...  the instructions that a program may find, by their names in /proc/cpuinfo
 *
 * Of an image: what restart asks for.  A machine has enough if its features are the same or more.
 */
#include "build_id.h"
#include "image_platform.h"
#include "image_read.h"

#include <sys/auxv.h>
#include <sys/utsname.h>

/* The vdso's first page, in the image or in this process; NULL: there is none. */
static const void *vdso_page(const struct image *image, char page[ARCH_PAGE_SIZE])
{
    if (image == NULL)
        return (const void *)getauxval(AT_SYSINFO_EHDR); // NOLINT: an address becomes a pointer here
    for (size_t i = 0; i < image->region_count; i++)
        if (strcmp(image->names + image->regions[i].name, "[vdso]") == 0 && image->loads[i].p_filesz > 0 &&
            pread(image->fd, page, ARCH_PAGE_SIZE, (off_t)image->loads[i].p_offset) == (ssize_t)ARCH_PAGE_SIZE)
            return page;
    return NULL;
}

static void show_vdso(const struct image *image)
{
    static char page[ARCH_PAGE_SIZE];
    const void *vdso = vdso_page(image, page);
    const uint8_t *id = vdso != NULL ? build_id_find(vdso) : NULL;
    printf(" vdso=%s", id == NULL ? "-" : "");
    for (int i = 0; i < BUILD_ID_SIZE && id != NULL; i++)
        printf("%02x", id[i]);
}

static void show_vectors(const struct arch_vectors *vectors)
{
    const char *between = "";
    printf(" vectors=");
    for (unsigned i = 2; i < ARCH_PARTS; i++)
        if (vectors->parts[i].size != 0) {
            printf("%s%u@%u+%u", between, i, vectors->parts[i].offset, vectors->parts[i].size);
            between = ",";
        }
    printf("%s", *between == '\0' ? "-" : "");
}

static void show_features(const struct image_platform *p)
{
    const char *between = "";
    if (p->bound != 0)
        printf(" bound=" ARCH_LEVEL_NAME "%u features=", p->bound);
    else
        printf(" bound=no features=");
    for (unsigned i = 0; arch_feature(i) != NULL; i++)
        if (arch_has(&p->may_use, i)) {
            printf("%s%s", between, arch_feature(i)->name);
            between = ",";
        }
    printf("%s\n", *between == '\0' ? "-" : "");
}

/* This machine, as an image made on it would have it. */
static void read_here(struct image_platform *p)
{
    struct utsname name;
    if (uname(&name) == 0)
        snprintf(p->release, sizeof p->release, "%s", name.release);
    arch_vectors_read(&p->vectors);
    arch_features_read(&p->may_use);
}

/* Believe no image: a blank or a newline in it would look like another word, or another line. */
static void make_one_word(char *text, size_t room)
{
    text[room - 1] = '\0';
    for (; *text != '\0'; text++)
        if (*text <= ' ' || *text > '~')
            *text = '?';
}

void platform_show(const struct image *image)
{
    struct image_platform p = {0};
    const void *note = image == NULL ? NULL : image_note(image, IMAGE_NOTE_NAME, NOTE_PLATFORM, sizeof p, NULL);
    if (image != NULL && note == NULL)
        errx(EX_DATAERR, "the image does not say what it ran on: an older ckpt wrote it");
    if (note != NULL)
        memcpy(&p, note, sizeof p);
    else
        read_here(&p);
    unsigned level = arch_level(&p.may_use);
    make_one_word(p.release, sizeof p.release);
    printf("ckpt-platform=1 arch=" ARCH_NAME " level=");
    if (level > 1)
        printf(ARCH_LEVEL_NAME "%u", level);
    else
        printf(ARCH_LEVEL_1);
    printf(" kernel=%s", p.release);
    show_vdso(image);
    printf(" page=%lu", ARCH_PAGE_SIZE);
    show_vectors(&p.vectors);
    show_features(&p);
}
