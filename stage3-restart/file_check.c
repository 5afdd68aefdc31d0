/* file_check.c - can the file that a region showed be mapped again?  Given. */
#include "file_check.h"
#include "build_id.h"
#include "libc.h"
#include "sys.h"

static bool is_same_file(int fd, const struct image_region *r)
{
    struct stat st;
    char page[ARCH_PAGE_SIZE];
    if (fstat(fd, &st) != 0 || (uint64_t)st.st_size != r->file_size)
        return false;
    if (st.st_dev == r->device && st.st_ino == r->inode && st.st_mtim.tv_sec == r->mtime_seconds &&
        st.st_mtim.tv_nsec == r->mtime_nanoseconds)
        return true;
    const uint8_t *id = pread(fd, page, sizeof page, 0) == sizeof page ? build_id_find(page) : NULL;
    return id != NULL && memcmp(id, r->build_id, BUILD_ID_SIZE) == 0;
}

const char *file_problem(const struct image_region *region, const char *name)
{
    struct statvfs where;
    const char *problem = NULL;
    int fd = open(name, O_RDONLY | O_NONBLOCK | O_CLOEXEC); /* it may be a FIFO by now */
    if (fd < 0 || fstatvfs(fd, &where) != 0)
        problem = strerror(errno);
    else if (!is_same_file(fd, region))
        problem = "the file has changed since the checkpoint";
    else if ((region->prot & PROT_EXEC) && (where.f_flag & ST_NOEXEC))
        problem = "its file system is mounted noexec now";
    close(fd);
    return problem;
}
