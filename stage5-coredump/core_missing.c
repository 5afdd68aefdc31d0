/*
 * core_missing.c - there is no core file of this name.  Where the kernel's cores go is for the whole system to
 * say (core(5), /proc/sys/kernel/core_pattern): we read it, and tell what to type; we never change it.
 */
#include "core.h"

#define PATTERN "/proc/sys/kernel/core_pattern"

/* A line of a file of /proc, without its end; "" if it cannot be read. */
static void read_line(const char *path, char *line, int size)
{
    FILE *file = fopen(path, "re");
    if (file == NULL || fgets(line, size, file) == NULL)
        line[0] = '\0';
    line[strcspn(line, "\n")] = '\0';
    if (file != NULL)
        fclose(file);
}

static const char *advice(const char *pattern)
{
    if (pattern[0] != '|')
        return "the kernel writes it so in the program's working directory, if `ulimit -c` allows (core(5))";
    if (strstr(pattern, "systemd-coredump") != NULL)
        return "the kernel gives its cores to systemd: coredumpctl -o CORE dump PID";
    if (strstr(pattern, "apport") != NULL)
        return "the kernel gives its cores to apport: look in /var/lib/apport/coredump and /var/crash";
    return "the kernel gives its cores to that program; take `gcore PID`";
}

void core_missing(const char *path)
{
    char pattern[256];
    int error = errno;
    read_line(PATTERN, pattern, sizeof pattern);
    if (error == ENOENT && pattern[0] != '\0')
        errx(EX_NOINPUT, "%s: %s\n(" PATTERN " is \"%s\": %s)", path, strerror(error), pattern, advice(pattern));
    errno = error;
    err(EX_NOINPUT, "%s", path);
}
