/* procfile.c - small files of /proc. */
#include "procfile.h"
#include "sys.h"

long procfile_read(const char *path, char *to, size_t size)
{
    long n, done = 0, fd = sys_open(path, O_RDONLY | O_CLOEXEC, 0);
    if (fd < 0)
        return fd;
    while ((n = sys_read((int)fd, to + done, size - 1 - (size_t)done)) > 0 || n == -EINTR)
        done += n > 0 ? n : 0;
    sys_close((int)fd);
    to[done] = '\0';
    return n < 0 ? n : done;
}

uint64_t procfile_stat(int field)
{
    char stat[1024];
    const char *at = stat;
    uint64_t value = 0;
    if (procfile_read("/proc/self/stat", stat, sizeof stat) < 0)
        return 0;
    for (const char *s = stat; *s != '\0'; s++) /* field 2 is a name in parentheses, blanks and all */
        if (*s == ')')
            at = s + 1;
    for (int n = 2; *at != '\0' && n < field; at++)
        n += *at == ' ';
    for (; *at >= '0' && *at <= '9'; at++)
        value = value * 10 + (uint64_t)(*at - '0');
    return value;
}
