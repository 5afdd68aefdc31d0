/* procfile.h - small files of /proc, without libc.  Async-signal-safe.  Given. */
#ifndef CKPT_PROCFILE_H
#define CKPT_PROCFILE_H

#include <stddef.h>
#include <stdint.h>

/* Reads at most size - 1 bytes of a file, and puts a '\0' behind them.  Returns their number or -errno. */
long procfile_read(const char *path, char *to, size_t size);

#define PROCFILE_STATS 53 /* Linux has that many fields at least, and field 0 */

/*
 * The numbers in the fields of /proc/self/stat, counted from 1, proc_pid_stat(5): to[26] is field 26.  What is no
 * number, or cannot be read, is 0.  All fields take one reading.
 */
void procfile_stats(uint64_t to[PROCFILE_STATS]);

/* One of them. */
static inline uint64_t procfile_stat(int field)
{
    uint64_t fields[PROCFILE_STATS];
    procfile_stats(fields);
    return fields[field];
}

#endif
