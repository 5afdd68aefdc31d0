/* memory_work.h - memory to work in, for the rooms that look at all memory of the program.  Given. */
#ifndef CKPT_MEMORY_WORK_H
#define CKPT_MEMORY_WORK_H

#include "arena.h"
#include "page_runs.h"
#include "proc_lines.h"

struct memory_work {
    struct pagemap pages;
    struct proc_lines lines;
    char buffer[512UL << 10]; /* of lines */
};

/* At the end of the room for a note: part.h. */
static inline struct memory_work *memory_work(void *note, size_t room)
{
    uint64_t end = (uint64_t)note + room;
    return (struct memory_work *)round_up(end - PART_ROOM, sizeof(uint64_t)); // NOLINT: an address
}

_Static_assert(sizeof(struct memory_work) + sizeof(uint64_t) <= PART_ROOM, "it must fit into the room");

#endif
