/*
 * changes.h - which memory has changed, and when: at which checkpoint that was found.  For ckpt --incremental,
 * whose files are not all of the same age.  Async-signal-safe.  Given.
 *
 *     addresses   |...2222......33.3.....2...........|       a file of checkpoint 1 lacks all these; one of
 *                                                            checkpoint 2 what has a 3
 *
 * A list that is full says of more memory that it has changed, never of less.
 */
#ifndef CKPT_CHANGES_H
#define CKPT_CHANGES_H

#include <stddef.h>
#include <stdint.h>

struct change {
    uint64_t start, end;
    uint64_t when; /* the number of a checkpoint */
};

#define CHANGE_ALWAYS (~0UL) /* of memory whose changes nobody tells: it has changed, whenever one asks */
#define CHANGES_MOST (128UL << 10)

/* Ascending, no two of the same memory. */
struct changes {
    size_t count;
    struct change list[CHANGES_MOST];
};

/* Behind all that is in the list. */
void changes_add(struct changes *changes, uint64_t start, uint64_t end, uint64_t when);

/* Puts into *to what is in `before` and younger than `oldest`, but where `found` knows better; and all of found. */
void changes_merge(struct changes *to, const struct changes *before, const struct changes *found, uint64_t oldest);

#endif
