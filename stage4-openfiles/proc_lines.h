/* proc_lines.h - a large file of /proc, one line at a time.  Async-signal-safe; no libc.  Given. */
#ifndef CKPT_PROC_LINES_H
#define CKPT_PROC_LINES_H

#include <stddef.h>

struct proc_lines {
    int fd;
    char *buffer;
    size_t size;       /* of buffer; no line may be longer */
    size_t begin, end; /* of what is read and was not yet given out */
    long error;        /* 0 or -errno */
};

/* Opens the file.  Returns 0 or -errno. */
long proc_lines_open(struct proc_lines *lines, const char *path, char *buffer, size_t size);

/* The next line, its newline replaced by '\0'; NULL at the end, or after an error. */
char *proc_line(struct proc_lines *lines);

/* Closes it.  Returns the first error there was, or 0. */
long proc_lines_close(struct proc_lines *lines);

#endif
