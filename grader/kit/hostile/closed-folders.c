/* cause: harmless */
#include <fcntl.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

/* Folders that not even their owner may enter, with something in them. */
__attribute__((constructor)) static void attack(void)
{
    char name[64];

    for (int i = 0; i < 50; i++) {
        snprintf(name, sizeof name, "closed.%d.%d", (int)getpid(), i);
        if (mkdir(name, 0700) || chdir(name))
            continue;
        close(open("inside", O_CREAT | O_WRONLY, 0000));
        mkdir("deeper", 0000);
        if (chdir(".."))
            return;
        chmod(name, 0000);
    }
}
