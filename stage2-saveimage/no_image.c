/* no_image.c - says what a file is that is no image: compressed, as systemd keeps its cores, or a pipe.  Given. */
#include "no_image.h"
#include "libc.h"

/* The bytes that a compressed file begins with, each program's own. */
struct packer {
    const char *magic;
    size_t size;
    const char *reason;
};

#define PACKED(program) "it is compressed (" program "): " program " -dc FILE >PLAIN first, and take PLAIN"

static const struct packer packers[] = {
    {"\x28\xb5\x2f\xfd", 4, PACKED("zstd")}, /* RFC 8878 */
    {"\x1f\x8b", 2, PACKED("gzip")}, /* RFC 1952 */
    {"\xfd" "7zXZ", 6, PACKED("xz")}, /* https://tukaani.org/xz/xz-file-format.txt */
    {"BZh", 3, PACKED("bzip2")},
    {"\x04\x22\x4d\x18", 4, PACKED("lz4")}, /* lz4, doc/lz4_Frame_format.md */
    {"\x5d\x00\x00", 3, PACKED("lzma")},
    {"\x89LZO", 4, PACKED("lzop")},
};

static const char *reason_of_type(mode_t mode)
{
    if (S_ISREG(mode))
        return NULL;
    if (S_ISDIR(mode))
        return "it is a directory";
    return "it cannot be read in any order (a pipe, a terminal, a device): copy what it gives into a file first";
}

const char *no_image_reason(const char *path)
{
    struct stat st;
    char begin[8] = "";
    const char *reason = stat(path, &st) == 0 ? reason_of_type(st.st_mode) : NULL;
    int fd = reason == NULL ? open(path, O_RDONLY | O_NONBLOCK | O_CLOEXEC) : -1;
    ssize_t size = fd < 0 ? 0 : pread(fd, begin, sizeof begin, 0);
    if (fd >= 0)
        close(fd);
    for (const struct packer *p = packers; p < packers + sizeof packers / sizeof *packers && reason == NULL; p++)
        if (size >= (ssize_t)p->size && memcmp(begin, p->magic, p->size) == 0)
            reason = p->reason;
    return reason;
}
