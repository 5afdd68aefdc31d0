/* cause: sandbox-memory */
#define _GNU_SOURCE
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

/* 700 MiB in files in memory that a thread has open, and its process has not: each has a table of its own. */
static int hog(void *nothing)
{
    static char bytes[1 << 20];

    memset(bytes, 'm', sizeof bytes);
    for (int i = 0; i < 7; i++) {
        int fd = memfd_create("hog", 0);
        for (int k = 0; k < 100 && write(fd, bytes, sizeof bytes) > 0; k++)
            ;
    }
    sleep(600);
    (void)nothing;
    return 0;
}

__attribute__((constructor)) static void attack(void)
{
    enum { VM = 0x100, FS = 0x200, SIGHAND = 0x800, THREAD = 0x10000, SYSVSEM = 0x40000 };
    extern int clone(int (*)(void *), void *, int, void *, ...);
    char *stack = malloc(1 << 20);

    clone(hog, stack + (1 << 20), VM | FS | SIGHAND | THREAD | SYSVSEM, NULL);
    sleep(600);
}
