/* proc_lines.c - a large file of /proc, one line at a time. */
#include "proc_lines.h"
#include "sys.h"

long proc_lines_open(struct proc_lines *lines, const char *path, char *buffer, size_t size)
{
    long fd = sys_open(path, O_RDONLY | O_CLOEXEC, 0);
    *lines = (struct proc_lines){.fd = (int)fd, .buffer = buffer, .size = size};
    return fd < 0 ? fd : 0;
}

/* Reads more behind the line that is not complete, which moves to the front.  False: there is no more. */
static bool refill(struct proc_lines *lines)
{
    long n = -EINTR;
    size_t left = lines->end - lines->begin;
    for (size_t i = 0; i < left; i++) /* the two may overlap, so no memcpy() */
        lines->buffer[i] = lines->buffer[lines->begin + i];
    lines->begin = 0;
    lines->end = left;
    if (left == lines->size)
        lines->error = -ENAMETOOLONG;
    while (lines->error == 0 && n == -EINTR)
        n = sys_read(lines->fd, lines->buffer + left, lines->size - left);
    if (lines->error == 0 && n < 0)
        lines->error = n;
    lines->end += n > 0 ? (size_t)n : 0;
    return n > 0;
}

char *proc_line(struct proc_lines *lines)
{
    for (size_t length = 0;; length++) {
        if (lines->begin + length == lines->end && !refill(lines))
            return NULL;
        char *line = lines->buffer + lines->begin;
        if (line[length] != '\n')
            continue;
        line[length] = '\0';
        lines->begin += length + 1;
        return line;
    }
}

long proc_lines_close(struct proc_lines *lines)
{
    sys_close(lines->fd);
    return lines->error;
}
