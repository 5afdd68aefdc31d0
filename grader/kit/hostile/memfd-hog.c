/* cause: sandbox-memory */
#define _GNU_SOURCE
#include <stdio.h>
#include <sys/mman.h>
#include <unistd.h>

/* 700 MiB in a file in memory that nobody maps: no process has it among its pages. */
__attribute__((constructor)) static void attack(void)
{
    static char block[1 << 20];
    int fd = memfd_create("hog", 0);
    long total = 0;

    for (int i = 0; i < 700; i++)
        total += write(fd, block, sizeof block) > 0;
    sleep(2);
    fprintf(stderr, "ESCAPED: %ld MiB in a file in memory\n", total);
    _exit(99);
}
