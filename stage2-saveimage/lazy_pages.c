/* lazy_pages.c - stores memory that is mapped from an image: restart --lazy did that.  Given. */
#include "lazy_pages.h"
#include "sys.h"

#include <elf.h>

bool lazy_is_image(const char *name)
{
    Elf64_Ehdr elf = {.e_type = ET_CORE};
    long fd = sys_open(name, O_RDONLY | O_NONBLOCK | O_CLOEXEC, 0);
    if (fd < 0)
        return fd == -EACCES;
    long size = sys_pread((int)fd, &elf, sizeof elf, 0);
    sys_close((int)fd);
    return size == sizeof elf && memcmp(elf.e_ident, ELFMAG, SELFMAG) == 0 && elf.e_type == ET_CORE;
}

/* A descriptor of the image, if its name still leads there; else negative: then all of it is taken for data. */
static int open_image(const char *name, const struct image_region *r)
{
    struct stat st;
    long fd = sys_open(name, O_RDONLY | O_NONBLOCK | O_CLOEXEC, 0);
    if (fd < 0 || (sys_call(SYS_fstat, fd, (long)&st, 0, 0) == 0 && st.st_ino == r->inode))
        return (int)fd;
    sys_close((int)fd);
    return -1;
}

/* Is there data at `at` of the image?  *end: up to where it is so; whole pages.  lseek(2), SEEK_DATA, SEEK_HOLE. */
static bool has_data(int image, uint64_t at, uint64_t *end)
{
    long next = sys_lseek(image, (off_t)at, SEEK_DATA);
    uint64_t page = (uint64_t)next / ARCH_PAGE_SIZE * ARCH_PAGE_SIZE;
    if (next == -ENXIO || (next >= 0 && page > at)) {
        *end = next >= 0 && page < *end ? page : *end;
        return false;
    }
    next = next < 0 ? next : sys_lseek(image, next, SEEK_HOLE);
    page = round_up((uint64_t)next, ARCH_PAGE_SIZE);
    *end = next >= 0 && page < *end ? page : *end;
    return true;
}

int lazy_write(int fd, struct pagemap *map, const struct image_region *r, const char *name, uint64_t offset)
{
    int error = 0, image = open_image(name, r);
    struct image_region piece = *r;
    for (; piece.start < r->end && error == 0; piece.start = piece.end) {
        uint64_t end = r->offset + (r->end - r->start), at = r->offset + (piece.start - r->start);
        piece.inode = has_data(image, at, &end) ? r->inode : 0; /* 0: as fresh memory, only what was written */
        piece.end = piece.start + (end - at);
        error = pages_write(fd, map, &piece, offset + (piece.start - r->start));
    }
    if (image >= 0)
        sys_close(image);
    return error;
}
