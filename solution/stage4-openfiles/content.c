/*
 * content.c - the bytes of a file that has no name, in the image.  Holes stay holes (lseek(2), SEEK_DATA):
 *
 *     the file   |data|....hole....|data|..|
 *     the image  |extent|data|extent|data|      and file->size says how long it was
 */
#include "open_kind.h"
#include "sys_whole.h"

struct extent {
    uint64_t offset, size; /* bytes of the file; they follow, padded to 8 */
};

static long save_extent(struct files_save *save, struct open_file *file, int fd, struct extent extent)
{
    uint64_t at, whole = sizeof extent + round_up(extent.size, 8);
    save->content += whole;
    char *to = save->content > OPEN_CONTENT_LIMIT ? NULL : extra_add(save, whole, &at);
    if (to == NULL)
        return -EFBIG;
    if (file->data_size == 0)
        file->data = at;
    file->data_size += whole;
    memcpy(to, &extent, sizeof extent);
    return sys_pread_whole(fd, to + sizeof extent, extent.size, extent.offset);
}

/* The offset of the open file description moves on the way, and is put back. */
long content_save(struct files_save *save, struct open_file *file, int fd, uint64_t size)
{
    long error = 0, before = sys_lseek(fd, 0, SEEK_CUR), data = sys_lseek(fd, 0, SEEK_DATA);
    while (error == 0 && data >= 0 && (uint64_t)data < size) {
        long hole = sys_lseek(fd, data, SEEK_HOLE);
        if (hole < 0 || (uint64_t)hole > size)
            hole = (long)size;
        error = save_extent(save, file, fd, (struct extent){(uint64_t)data, (uint64_t)(hole - data)});
        data = sys_lseek(fd, hole, SEEK_DATA);
    }
    sys_lseek(fd, before, SEEK_SET);
    return error != 0 || data >= 0 || data == -ENXIO ? error : data; /* ENXIO: only a hole is left */
}

long content_load(const struct open_file_table *table, const struct open_file *file, int fd)
{
    const char *data = open_data(table, file);
    long error = sys_call(SYS_ftruncate, fd, (long)file->size, 0, 0);
    for (uint64_t at = 0; error == 0 && at + sizeof(struct extent) <= file->data_size;) {
        struct extent extent;
        memcpy(&extent, data + at, sizeof extent);
        at += sizeof extent;
        if (extent.size > file->data_size - at)
            return -EINVAL;
        error = sys_pwrite_whole(fd, data + at, extent.size, extent.offset);
        at += round_up(extent.size, 8);
    }
    return error;
}
