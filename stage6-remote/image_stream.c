/* image_stream.c - an image travels in records of (offset, bytes), without its holes. */
#include "image_stream.h"
#include "libc.h"

#define LARGEST (1UL << 46) /* bytes: half of what an address space has.  No offset is larger */

struct image_arrival image_expect(void)
{
    uint64_t memory = (uint64_t)sysconf(_SC_PHYS_PAGES) * (uint64_t)sysconf(_SC_PAGESIZE);
    return (struct image_arrival){.fd = memfd_create("ckpt-image", MFD_CLOEXEC), .most = memory};
}

static bool write_at(int fd, const char *bytes, size_t size, uint64_t offset)
{
    ssize_t n = 1;
    for (; size > 0 && n > 0; size -= (size_t)n, bytes += n, offset += (uint64_t)n)
        do
            n = pwrite(fd, bytes, size, (off_t)offset);
        while (n < 0 && errno == EINTR);
    return size == 0;
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
    if (!write_at(arrival->fd, (const char *)data + sizeof offset, size, offset))
        return "there is no room for the image";
    arrival->size += size;
    arrival->end = offset + size > arrival->end ? offset + size : arrival->end;
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

/* A record on its way: the offset, then the bytes. */
static struct record {
    uint64_t at;
    char bytes[FRAME_DATA];
} record;

/* What becomes of `size` bytes of the record.  0 or -errno. */
typedef int record_user(size_t size, void *context);

static int each_record_of(int fd, uint64_t at, uint64_t end, record_user *use, void *context)
{
    int error = 0;
    while (at < end && error == 0) {
        size_t size = end - at < FRAME_DATA ? end - at : FRAME_DATA;
        ssize_t got = pread(fd, record.bytes, size, (off_t)at);
        if (got < 0 && errno == EINTR)
            continue;
        if (got <= 0)
            return got == 0 ? -EIO : -errno;
        record.at = at;
        error = use((size_t)got, context);
        at += (uint64_t)got;
    }
    return error;
}

/* The image's data, without its holes.  A file system without SEEK_DATA says that all is data (lseek(2)). */
static int each_record(int fd, record_user *use, void *context)
{
    int error = 0;
    off_t hole = 0, data;
    while (error == 0 && (data = lseek(fd, hole, SEEK_DATA)) >= 0) { /* ENXIO: no data behind the last hole */
        hole = lseek(fd, data, SEEK_HOLE);
        error = hole < 0 ? -errno : each_record_of(fd, (uint64_t)data, (uint64_t)hole, use, context);
    }
    return error;
}

struct sending {
    int to;
    void (*went)(void);
};

static int send_record(size_t size, void *context)
{
    const struct sending *sending = context;
    int error = frame_write(sending->to, FRAME_IMAGE, 0, &record, offsetof(struct record, bytes) + size);
    if (sending->went != NULL)
        sending->went();
    return error;
}

int image_send(int to, int fd, void (*went)(void))
{
    struct stat st;
    struct sending sending = {to, went};
    int error = fstat(fd, &st) != 0 ? -errno : each_record(fd, send_record, &sending);
    uint64_t size = (uint64_t)st.st_size;
    return error != 0 ? error : frame_write(to, FRAME_START, 0, &size, sizeof size);
}

static int copy_record(size_t size, void *to)
{
    return write_at(*(int *)to, record.bytes, size, record.at) ? 0 : errno != 0 ? -errno : -EIO;
}

int image_copy(int to, int fd)
{
    struct stat st;
    bool sized = fstat(fd, &st) == 0 && ftruncate(to, st.st_size) == 0;
    return sized ? each_record(fd, copy_record, &to) : -errno;
}
