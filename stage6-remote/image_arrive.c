/* image_arrive.c - an image comes in records of (offset, bytes): each goes to the memfd, or to its place. */
#include "image_arrive.h"
#include "image_stream.h"
#include "libc.h"

#include <sys/uio.h>

#define LARGEST (1UL << 46) /* bytes: half of what an address space has.  No offset is larger */

struct image_arrival image_expect(void)
{
    uint64_t memory = (uint64_t)sysconf(_SC_PHYS_PAGES) * (uint64_t)sysconf(_SC_PAGESIZE);
    return (struct image_arrival){.fd = memfd_create("ckpt-image", MFD_CLOEXEC), .most = memory};
}

/* Where the byte at `offset` goes; NULL: to the memfd.  *size: of so many bytes, those that go the same way. */
static char *place_of(const struct image_arrival *arrival, uint64_t offset, size_t *size)
{
    for (const struct arrival_place *p = arrival->places; p < arrival->places + arrival->place_count; p++) {
        if (offset >= p->offset && offset - p->offset < p->size) {
            uint64_t left = p->size - (offset - p->offset);
            *size = *size < left ? *size : left;
            return p->to + (offset - p->offset);
        }
        if (offset < p->offset && *size > p->offset - offset)
            *size = p->offset - offset;
    }
    return NULL;
}

/*
 * memcpy() would be a page fault for each fresh page; process_vm_writev(2) is none.  In some virtual machines that
 * is ten times faster.
 */
static void put_in_place(char *to, const char *bytes, size_t size)
{
    struct iovec from = {(void *)bytes, size}, there = {to, size};
    if (process_vm_writev(getpid(), &from, 1, &there, 1, 0) != (ssize_t)size)
        memcpy(to, bytes, size);
}

static bool put(const struct image_arrival *arrival, const char *bytes, size_t size, uint64_t offset)
{
    while (size > 0) {
        size_t part = size;
        char *to = place_of(arrival, offset, &part);
        if (to != NULL)
            put_in_place(to, bytes, part);
        else if (!image_write_at(arrival->fd, bytes, part, offset))
            return false;
        bytes += part;
        offset += part;
        size -= part;
    }
    return true;
}

const char *image_record(struct image_arrival *arrival, const void *data, size_t size)
{
    uint64_t offset;
    if (size <= sizeof offset)
        return "a record of the image has no bytes";
    memcpy(&offset, data, sizeof offset);
    size -= sizeof offset;
    if (offset > LARGEST - size)
        return "a record of the image lies beyond all images";
    if (size > arrival->most - arrival->size)
        return "the image is larger than this machine's memory";
    if (!put(arrival, (const char *)data + sizeof offset, size, offset))
        return "there is no room for the image";
    arrival->size += size;
    arrival->end = offset + size > arrival->end ? offset + size : arrival->end;
    if (!arrival->chosen)
        places_choose(arrival);
    return NULL;
}

const char *image_whole(const struct image_arrival *arrival, const void *data, size_t size)
{
    uint64_t whole;
    if (size != sizeof whole)
        return "the image's size has another size";
    memcpy(&whole, data, sizeof whole);
    if (whole > LARGEST || whole < arrival->end)
        return "the image is not as long as it shall be";
    return ftruncate(arrival->fd, (off_t)whole) == 0 ? NULL : "there is no room for the image";
}
