/* inotify_watch.h - a watch of inotify(7), as fdinfo shows it, and the way back to a path.  No libc. */
#ifndef CKPT_INOTIFY_WATCH_H
#define CKPT_INOTIFY_WATCH_H

#include "open_kind.h"

#define HANDLE_SIZE 128 /* bytes: MAX_HANDLE_SZ, open_by_handle_at(2) */

struct inotify_watch {
    int32_t wd;
    uint32_t mask;
    uint64_t inode, device; /* what is watched; the kernel's own number of the device, not st_dev */
    uint32_t handle_size;   /* struct file_handle: 0 if the kernel shows none */
    int32_t handle_type;
    uint8_t handle[HANDLE_SIZE];
};

/* Reads the watch behind "inotify " at the start of a line. */
void inotify_parse(const char *line, struct inotify_watch *watch);

/*
 * Finds a path that leads to what is watched, and puts it into `path` (size bytes).  False: none is known.  It
 * tries the file handle (privileged), what lies below the working directory and above it, and what is open.
 */
bool inotify_find_path(const struct open_file_table *table, const struct inotify_watch *watch, char *path,
                       size_t size);

#endif
