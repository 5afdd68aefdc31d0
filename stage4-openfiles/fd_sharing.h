/* fd_sharing.h - do two descriptors show one open file description?  Async-signal-safe; no libc. */
#ifndef CKPT_FD_SHARING_H
#define CKPT_FD_SHARING_H

#include <stdbool.h>

/* True if the offset and the status flags of a are those of b: made by dup(2), or inherited. */
bool fd_shares(int a, int b);

#endif
