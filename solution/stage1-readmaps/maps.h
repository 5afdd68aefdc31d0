/*
 * maps.h - the parser of /proc/PID/maps: a process's address space, one region at a time.
 *
 * The format is that of proc_pid_maps(5); the kernel writes it in fs/proc/task_mmu.c, show_map_vma().
 *
 *     55d0c000-55d0e000 rw-p 00003000 fe:00 1835013                /usr/bin/my prog
 *     start    end      prot offset   dev   inode                  name
 *
 * No malloc, no stdio: the caller owns all memory, so that a signal handler may call these, and so
 * that reading one's own maps does not change them.  Every function here is async-signal-safe.
 */
#ifndef CKPT_MAPS_H
#define CKPT_MAPS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/*
 * A line of maps: a name of at most PATH_MAX (4096) bytes, in which each newline became four bytes,
 * after at most 80 bytes of numbers.  A reader's buffer must hold one line.
 */
#define MAPS_BUFFER_SIZE (4 * 4096 + 128)

/* One region: the addresses start <= a < end, all with the same attributes. */
struct region {
    uint64_t start, end; /* bytes; multiples of the page size */
    uint64_t offset;     /* bytes into the file; 0 without a file */
    uint64_t inode;      /* 0 without a file */
    unsigned dev_major, dev_minor;
    int prot;         /* PROT_READ | PROT_WRITE | PROT_EXEC, or PROT_NONE */
    bool shared;      /* 's': writes reach the file and other processes; else 'p', private */
    const char *name; /* a path, "[heap]", "[anon:...]", or ""; valid until the next maps_next() */
};

/* Where a reader is in its file.  The fields are its own. */
struct maps_reader {
    int fd; /* the caller's, and the caller closes it */
    bool end_of_file;
    char *buf; /* the caller's; the bytes from `begin` up to `end` were read and not yet parsed */
    size_t size, begin, end;
    unsigned long line; /* the line that maps_next() returned or refused, from 1 */
};

/* Starts to read fd from where it is.  buf (size bytes) must outlive the reader and its names. */
void maps_start(struct maps_reader *reader, int fd, char *buf, size_t size);

/*
 * The next region into *region.  Returns 1; 0 at the end; or a negative error: -EINVAL for a line
 * that is not one of maps (reader->line tells which), -ENAMETOOLONG for one longer than the buffer,
 * or what read(2) said.
 */
int maps_next(struct maps_reader *reader, struct region *region);

/* True if the file of the region was deleted (or replaced) while it was mapped. */
bool region_is_deleted(const struct region *region);

/* True if the region shows a file that has, or had, a name. */
bool region_has_file(const struct region *region);

/* What a checkpointer does with a region; region_plan_name() has their names in this order. */
enum region_plan {
    PLAN_SAVE,   /* store its bytes in the image */
    PLAN_FILE,   /* nothing to store: map the same file again */
    PLAN_GUARD,  /* no access, so no content that the program can see: map it again, empty */
    PLAN_KERNEL, /* [vvar], [vdso], [vsyscall]: the kernel makes them; their content is not ours */
    PLAN_REFUSE, /* shared with others: to save it alone would be wrong */
};

enum region_plan region_plan(const struct region *region);

/* "save", "file", "guard", "kernel" or "refuse". */
const char *region_plan_name(enum region_plan plan);

#endif
