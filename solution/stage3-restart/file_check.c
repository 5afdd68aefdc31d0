/* file_check.c - is a file unchanged, and can it be mapped?  Given. */
#include "file_check.h"
#include "arch.h"
#include "build_id.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

static bool same_build_id(const struct image_region *region, const char *name)
{
    unsigned char head[ARCH_PAGE_SIZE];
    uint8_t id[BUILD_ID_MAX];
    int fd = open(name, O_RDONLY | O_CLOEXEC);
    if (fd < 0)
        return false;
    ssize_t size = pread(fd, head, sizeof head, 0);
    close(fd);
    uint32_t id_size = size > 0 ? build_id_find(head, (uint64_t)size, id) : 0;
    return id_size != 0 && id_size == region->build_id_size && memcmp(id, region->build_id, id_size) == 0;
}

bool file_is_unchanged(const struct image_region *region, const char *name, const char **why)
{
    struct stat st;
    *why = "it is gone";
    if (stat(name, &st) != 0)
        return false;
    *why = "its size is another one";
    if ((uint64_t)st.st_size != region->file_size)
        return false;
    *why = "it was changed since the checkpoint";
    if (st.st_dev == region->device && st.st_ino == region->inode && st.st_mtim.tv_sec == region->mtime_seconds &&
        st.st_mtim.tv_nsec == region->mtime_nanoseconds)
        return true;
    return region->build_id_size != 0 && same_build_id(region, name);
}

int file_rehearse(const struct image_region *region, const char *name)
{
    int fd = open(name, O_RDONLY | O_CLOEXEC);
    if (fd < 0)
        return errno;
    int prot = (int)region->prot | (region->flags & REGION_STORED ? PROT_WRITE : 0);
    void *at = mmap(NULL, region->end - region->start, prot, region->flags & REGION_SHARED ? MAP_SHARED : MAP_PRIVATE,
                    fd, (off_t)region->offset);
    int error = at == MAP_FAILED ? errno : 0;
    if (at != MAP_FAILED)
        munmap(at, region->end - region->start);
    close(fd);
    return error;
}
