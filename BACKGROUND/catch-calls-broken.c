/* catch-calls-broken.c: BROKEN. A function of our own called open() shall see every file that is opened.
 *
 * The dynamic linker finds ours before the C library's; that is what LD_PRELOAD rests on, too. But who
 * calls fopen() never calls open(): inside the C library the system call is made directly.
 */
#include <fcntl.h>
#include <stdarg.h>
#include <stdio.h>
#include <sys/syscall.h>
#include <unistd.h>

static int seen;

/* BROKEN: it sees only the calls that are made by this name. */
int open(const char *path, int flags, ...)
{
    va_list list;

    va_start(list, flags);
    mode_t mode = flags & O_CREAT ? va_arg(list, mode_t) : 0;
    va_end(list);
    seen++;
    return (int)syscall(SYS_openat, AT_FDCWD, path, flags, mode);
}

int main(void)
{
    int fd = open("/dev/null", O_RDONLY);
    FILE *file = fopen("/dev/null", "r");

    if (fd < 0 || file == NULL)
        return 2;
    fclose(file);
    close(fd);
    printf("2 files were opened; seen: %d\n", seen);
    return seen != 2;
}
