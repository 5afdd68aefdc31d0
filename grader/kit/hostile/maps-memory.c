/* cause: sandbox-memory */
#define _GNU_SOURCE
#include <stdio.h>
#include <sys/mman.h>
#include <unistd.h>

/* 700 MiB in a file in memory that is not open any more; its one page of a mapping may not even be read. */
__attribute__((constructor)) static void attack(void)
{
    static char block[1 << 20];
    int fd = memfd_create("mapped", 0);

    if (mmap(NULL, 4096, PROT_NONE, MAP_SHARED, fd, 0) == MAP_FAILED)
        return;
    for (int i = 0; i < 700; i++)
        if (write(fd, block, sizeof block) < 0)
            break;
    close(fd);
    sleep(2);
    fprintf(stderr, "ESCAPED: 700 MiB behind one page\n");
    _exit(99);
}
