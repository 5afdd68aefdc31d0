/*
 * fdinfo.c - lines of /proc/PID/fdinfo/N: a word, a colon, blanks, a number (proc_pid_fdinfo(5)); and what leads
 * from one descriptor to another of the same file.  No libc.
 */
#include "open_kind.h"

#include <dirent.h>

static unsigned digit(char c)
{
    if (c >= '0' && c <= '9')
        return (unsigned)(c - '0');
    return c >= 'a' && c <= 'f' ? (unsigned)(c - 'a') + 10 : 99;
}

uint64_t text_parse(const char **at, unsigned base)
{
    uint64_t value = 0;
    while (**at == ' ' || **at == '\t')
        ++*at;
    for (; digit(**at) < base; ++*at)
        value = value * base + digit(**at);
    return value;
}

const char *fdinfo_find(const char *info, const char *key)
{
    return text_starts(info, key) ? info + strlen(key) : fdinfo_next(info, key);
}

const char *fdinfo_next(const char *at, const char *key)
{
    while (*at != '\0')
        if (*at++ == '\n' && text_starts(at, key))
            return at + strlen(key);
    return NULL;
}

bool fdinfo_number(const char *info, const char *key, unsigned base, uint64_t *value)
{
    const char *at = fdinfo_find(info, key);
    while (at != NULL && *at != ':')
        at = fdinfo_next(at, key);
    if (at == NULL)
        return false;
    at++;
    *value = text_parse(&at, base);
    return true;
}

uint64_t fdinfo_in_line(const char *line, const char *word, unsigned base)
{
    while (*line != '\n' && *line != '\0' && !text_starts(line, word))
        line++;
    line += text_starts(line, word) ? strlen(word) : 0;
    return text_parse(&line, base);
}

const struct open_file *open_peer(const struct open_file_table *table, const struct open_file *file)
{
    for (const struct open_file *other = table->files; other < table->files + table->count; other++)
        if (other->kind == file->kind && other->inode == file->inode && other->device == file->device &&
            other->dup_of == other->fd && other->real_fd >= 0 && !other->pre_opened)
            return other;
    return NULL;
}

long fd_reopen(int fd, int flags)
{
    char link[64];
    text_join(link, sizeof link, "/proc/self/fd/", text_number((uint64_t)fd, 10).digits, NULL);
    return sys_open(link, flags | O_CLOEXEC, 0);
}

long fd_replace(long fd, int number)
{
    if (fd < 0 || fd == number)
        return fd < 0 ? fd : 0;
    long error = sys_call(SYS_dup3, fd, number, O_CLOEXEC, 0);
    sys_close((int)fd);
    return error < 0 ? error : 0;
}

long fdinfo_any(const char *folder, bool (*is_it)(const char *folder, const char *name, void *to), void *to)
{
    char entries[512];
    bool found = false;
    long size = 0, fd = sys_open(folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC, 0);
    if (fd < 0)
        return fd;
    while (!found && (size = sys_call(SYS_getdents64, fd, (long)entries, sizeof entries, 0)) > 0)
        for (long at = 0; at < size && !found; at += ((const struct dirent64 *)(entries + at))->d_reclen)
            found = is_it(folder, ((const struct dirent64 *)(entries + at))->d_name, to);
    sys_close((int)fd);
    return found ? 1 : size;
}
