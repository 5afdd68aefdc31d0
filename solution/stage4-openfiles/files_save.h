/* files_save.h - fills the Open File Table of this process.  Async-signal-safe; no libc. */
#ifndef CKPT_FILES_SAVE_H
#define CKPT_FILES_SAVE_H

#include "open_kind.h"

/*
 * Fills the table, `room` zeroed bytes at the most.  `view` is memory to work in.  Descriptors for which is_own()
 * is true are not the program's, and are left out; NULL: there are none.  Returns the table's size in bytes, or
 * -errno after a message: -EFBIG if content has to go into the image and is too much.
 */
long files_fill(struct open_file_table *table, size_t room, struct fd_view *view, bool (*is_own)(int fd));

#endif
