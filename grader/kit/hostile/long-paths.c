/* cause: parser */
#define _GNU_SOURCE
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

/* Paths as long as a path may be, in few folders, with a file at each end; the failure keeps them, where each path is longer. */
__attribute__((constructor)) static void attack(void)
{
    char name[NAME_MAX + 1] = "", here[PATH_MAX];
    size_t left;
    FILE *file;

    memset(name, 'p', NAME_MAX);
    while (getcwd(here, sizeof here) && (left = PATH_MAX - 1 - strlen(here)) > 1) {
        name[left - 1 < NAME_MAX ? left - 1 : NAME_MAX] = '\0';
        *name = 'f';
        if ((file = fopen(name, "w")))
            fclose(file);
        *name = 'p';
        if (mkdir(name, 0700) || chdir(name))
            break;
    }
    printf("nothing else\n");
    fflush(stdout);
    _exit(0);
}
