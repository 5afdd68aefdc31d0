/*
 * image_compare.c - an image beside a live process: which regions only one of them has, which have other
 * permissions, and where their bytes differ.  Given.
 */
#include "arch.h"
#include "image_doctor.h"
#include "image_read.h"
#include "libc.h"
#include "maps.h"
#include "region_print.h"

/* A comparison under way: the image's regions and the process's, both in order of addresses. */
struct comparison {
    struct image image;
    int memory;  /* /proc/PID/mem */
    size_t next; /* index of the image's first region that was not compared yet */
    unsigned differences;
};

static struct region image_region(const struct image *image, size_t i)
{
    const struct image_region *r = &image->regions[i];
    return (struct region){.start = r->start,
                           .end = r->end,
                           .prot = (int)r->prot,
                           .offset = r->offset,
                           .shared = r->flags & REGION_SHARED,
                           .name = image->names + r->name};
}

/* Bytes that differ in the region, and the address of the first; -1 if the process's cannot be read. */
static long differing_bytes(const struct comparison *c, size_t i, uint64_t *first)
{
    static unsigned char saved[1 << 16], live[1 << 16];
    const Elf64_Phdr *load = &c->image.loads[i];
    long count = 0;
    for (uint64_t at = 0; at < load->p_filesz; at += sizeof saved) {
        size_t size = load->p_filesz - at < sizeof saved ? load->p_filesz - at : sizeof saved;
        if (pread(c->image.fd, saved, size, (off_t)(load->p_offset + at)) != (ssize_t)size ||
            pread(c->memory, live, size, (off_t)(load->p_vaddr + at)) != (ssize_t)size)
            return -1;
        for (size_t k = 0; k < size; k++) {
            if (saved[k] != live[k] && count++ == 0)
                *first = load->p_vaddr + at + k;
        }
    }
    return count;
}

/* How many of the image's regions, from the i-th on, are pieces of this one (region_cut.c).  0: it is another. */
static size_t count_pieces(const struct image *image, size_t i, const struct region *live)
{
    const struct image_region *first = &image->regions[i], *r = first;
    while (i + (size_t)(r - first) + 1 < image->region_count && r->end < live->end && r[1].start == r->end &&
           r[1].prot == first->prot && r[1].inode == 0)
        r++;
    return first->start == live->start && r->end == live->end ? (size_t)(r - first) + 1 : 0;
}

static void compare_region(struct comparison *c, size_t i, size_t pieces, const struct region *live)
{
    struct region saved = image_region(&c->image, i);
    uint64_t first = 0;
    bool kernel = c->image.regions[i].flags & REGION_KERNEL;
    long count = 0;
    for (size_t piece = i + pieces; piece > i && !kernel && count >= 0; piece--) {
        long more = differing_bytes(c, piece - 1, &first);
        count = more < 0 ? more : count + more;
    }
    const char *word = count != 0 || saved.prot != live->prot ? "differ" : "same";
    c->differences += *word == 'd';
    region_print(word, live);
    if (saved.prot != live->prot)
        printf("       the image has the permissions %c%c%c\n", saved.prot & PROT_READ ? 'r' : '-',
               saved.prot & PROT_WRITE ? 'w' : '-', saved.prot & PROT_EXEC ? 'x' : '-');
    if (count > 0)
        printf("       %ld bytes differ, the first at 0x%lx\n", count, first);
    if (count < 0)
        puts("       the bytes cannot be read");
}

/* The image's regions that end before `address` and were not seen in the process. */
static void only_in_image(struct comparison *c, uint64_t address)
{
    for (; c->next < c->image.region_count && c->image.regions[c->next].start < address; c->next++) {
        struct region region = image_region(&c->image, c->next);
        region_print("image", &region);
        c->differences++;
    }
}

static void compare_all(struct comparison *c, struct maps_reader *reader)
{
    struct region live;
    while (maps_next(reader, &live) == 1 && live.start < ARCH_USER_END) {
        only_in_image(c, live.start);
        size_t pieces = c->next < c->image.region_count ? count_pieces(&c->image, c->next, &live) : 0;
        if (pieces > 0) {
            compare_region(c, c->next, pieces, &live);
            c->next += pieces;
        } else {
            region_print("live", &live);
            c->differences++;
        }
    }
    only_in_image(c, ARCH_USER_END);
}

int doctor_compare(const char *path, pid_t pid)
{
    static char buffer[MAPS_BUFFER_SIZE];
    char maps[64], mem[64];
    struct comparison c = {.next = 0};
    struct maps_reader reader;
    int status = image_open(&c.image, path);
    if (status != 0)
        errx(status, "%s: %s", path, c.image.why);
    snprintf(maps, sizeof maps, "/proc/%d/maps", (int)pid);
    snprintf(mem, sizeof mem, "/proc/%d/mem", (int)pid);
    int fd = open(maps, O_RDONLY | O_CLOEXEC);
    c.memory = open(mem, O_RDONLY | O_CLOEXEC);
    if (fd < 0 || c.memory < 0)
        err(EX_NOINPUT, "%s", fd < 0 ? maps : mem);
    maps_start(&reader, fd, buffer, sizeof buffer);
    compare_all(&c, &reader);
    printf("%u of the regions differ (image: only in %s; live: only in process %d)\n", c.differences, path,
           (int)pid);
    close(fd);
    close(c.memory);
    image_close(&c.image);
    return output_status(c.differences == 0 ? 0 : EX_DATAERR);
}
