/* cause: sandbox-files */
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

/* 100,000 empty files with names of 250 bytes: they have no blocks. */
__attribute__((constructor)) static void attack(void)
{
    char name[300];

    memset(name, 'x', sizeof name);
    mkdir("many", 0700);
    if (chdir("many"))
        return;
    for (int i = 0; i < 100000; i++) {
        snprintf(name + 240, 20, "%08d", i);
        int fd = open(name, O_CREAT | O_WRONLY, 0600);
        if (fd < 0)
            usleep(1000);
        else
            close(fd);
    }
    fprintf(stderr, "ESCAPED: 100,000 files\n");
    _exit(99);
}
