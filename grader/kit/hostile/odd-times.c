/* cause: parser */
#define _GNU_SOURCE
#include <fcntl.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

/* Times that no calendar has: before 1970, far after 2038, and what it was given is of the future; the failure keeps them. */
__attribute__((constructor)) static void attack(void)
{
    static const long times[] = { -1, 0, -(1L << 31) - 1, 1L << 32, 1L << 34, 253402300800, 1L << 55, -(1L << 55) };
    char name[32];

    for (unsigned i = 0; i < sizeof times / sizeof *times; i++) {
        struct timespec both[] = { { times[i], 999999999 }, { times[i], 999999999 } };
        snprintf(name, sizeof name, "time%u", i);
        int fd = open(name, O_CREAT | O_WRONLY, 0600);
        if (fd >= 0 && write(fd, name, 5) == 5)
            close(fd);
        utimensat(AT_FDCWD, name, both, 0);
        utimensat(AT_FDCWD, ".", both, 0);
        utimensat(AT_FDCWD, "/proc/self/exe", both, 0);
        printf("%s\n", name);
    }
    fflush(stdout);
    _exit(0);
}
