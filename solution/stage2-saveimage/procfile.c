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

void procfile_stats(uint64_t to[PROCFILE_STATS])
{
    char stat[1024], *at = stat;
    long size = procfile_read("/proc/self/stat", stat, sizeof stat);
    memset(to, 0, PROCFILE_STATS * sizeof *to);
    for (char *s = stat; s < stat + size; s++) /* field 2 is a name in parentheses, blanks and all */
        if (*s == ')')
            at = s + 1;
    for (int field = 2; at < stat + size && field < PROCFILE_STATS; at++) {
        field += *at == ' ';
        if (*at >= '0' && *at <= '9' && field < PROCFILE_STATS)
            to[field] = to[field] * 10 + (uint64_t)(*at - '0');
    }
}
