/*
 * write_tracking.h - the kernel notes which pages are written to: userfaultfd(2) in its asynchronous mode.  Nobody
 * has to answer its faults, and no privilege is needed; Linux 6.7 and later have it.  Async-signal-safe.  Given.
 *
 * A page that is protected loses the protection when it is written to, by the program or by a system call.  So
 * "written to" is what is not protected: a page of memory that was never tracked, or that is new, counts as written
 * to.  And what is no longer tracked: mremap(2) that brings pages home, so that their region becomes one with its
 * neighbours again, ends the tracking of these, too (mm/userfaultfd.c, mremap_userfaultfd_prep(), of Linux 6.18),
 * and leaves the sign on their pages; nothing takes it away when they are written to.
 */
#ifndef CKPT_WRITE_TRACKING_H
#define CKPT_WRITE_TRACKING_H

#include "page_runs.h"

/*
 * A descriptor of this memory's tracker, or -errno.  Memory is tracked as long as the descriptor is open somewhere.
 */
long tracking_open(void);

/* 0 or -errno: why this process cannot have its pages tracked. */
long tracking_possible(void);

/*
 * Tracks the writable memory from start to end.  0 or -errno, and none of it is tracked (-EBUSY: the program does
 * so itself; -ENOENT: it has mapped some of it anew meanwhile).
 */
long tracking_add(int tracker, uint64_t start, uint64_t end);

/* Is all of this memory tracked?  `pagemap` is a descriptor of /proc/self/pagemap. */
bool tracking_has(int pagemap, uint64_t start, uint64_t end);

/*
 * The same as tracking_add() for memory of one region that may be tracked already: then the protection of its pages
 * stays as it is.  Only while the program stands still: if it moves pages away and home meanwhile, their tracking
 * has ended, and to begin it again makes the old signs true.
 */
long tracking_keep(int tracker, int pagemap, uint64_t start, uint64_t end);

/* These pages count as written to, though nobody did. */
void tracking_mark(int tracker, uint64_t start, uint64_t end);

/*
 * Ends it, piece by piece: while the kernel works on a piece, the program cannot map memory.  To close the
 * descriptor alone would stop it for as long as a fork(2) takes, and longer.
 */
void tracking_remove(int tracker, uint64_t start, uint64_t end);

/*
 * For pagemap->learn: tells pages that are not protected, and protects them; at most 32 MiB ahead, since the kernel
 * lets nobody map memory meanwhile.  Memory that is not tracked has none.
 */
bool tracking_protect(struct pagemap *map, uint64_t from, uint64_t end);

#endif
