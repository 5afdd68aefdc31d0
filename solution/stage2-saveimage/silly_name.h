/*
 * silly_name.h - the names that a file system without deleted files gives to them, until the last who has one open
 * closes it.  Then they go, so for us such a file has no name.  No libc.
 *
 *     .nfs0123456789abcdef01234567    NFS: Linux, fs/nfs/unlink.c, nfs_sillyrename()
 *     .fuse_hidden0123456701234567    FUSE (sshfs, ...): libfuse, lib/fuse.c, silly_name()
 *     .__afs0123                      AFS: Linux, fs/afs/dir_silly.c
 */
#ifndef CKPT_SILLY_NAME_H
#define CKPT_SILLY_NAME_H

#include <stdbool.h>
#include <string.h>

/* Is `name` this prefix, and then that many hexadecimal digits, and nothing more? */
static inline bool name_is_made(const char *name, const char *prefix, size_t digits)
{
    size_t length = strlen(prefix), count = 0;
    if (strncmp(name, prefix, length) != 0)
        return false;
    while ((name[length + count] >= '0' && name[length + count] <= '9') ||
           (name[length + count] >= 'a' && name[length + count] <= 'f') ||
           (name[length + count] >= 'A' && name[length + count] <= 'F'))
        count++;
    return count == digits && name[length + count] == '\0';
}

/* Is the last part of the path such a name? */
static inline bool name_is_hidden(const char *path)
{
    const char *name = path;
    for (const char *at = path; *at != '\0'; at++)
        if (*at == '/')
            name = at + 1;
    return name_is_made(name, ".nfs", 24) || name_is_made(name, ".fuse_hidden", 16) ||
           name_is_made(name, ".__afs", 4);
}

#endif
