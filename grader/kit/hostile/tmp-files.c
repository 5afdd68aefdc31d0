/* cause: sandbox-files */
#include <fcntl.h>
#include <stdio.h>
#include <unistd.h>

/* Empty files where they cost no blocks of anybody's quota: in /tmp, and in /dev/shm. */
__attribute__((constructor)) static void attack(void)
{
    char name[64];

    for (int i = 0; i < 400000; i++) {
        snprintf(name, sizeof name, "%s/empty.%d.%d", i % 2 ? "/tmp" : "/dev/shm", (int)getpid(), i);
        int fd = open(name, O_CREAT | O_WRONLY, 0600);
        if (fd < 0)
            usleep(1000);
        else
            close(fd);
    }
    fprintf(stderr, "ESCAPED: 400,000 files in memory\n");
    _exit(99);
}
