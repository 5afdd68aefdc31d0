/* cause: none */
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* The tests, the solution, another submission, the results: as files, as folders, and through another's root. */
__attribute__((constructor)) static void attack(void)
{
    char paths[] = ESCAPE_FROM, other[4096];

    for (char *path = strtok(paths, " "); path; path = strtok(NULL, " ")) {
        snprintf(other, sizeof other, "/proc/1/root%s", path);
        if (open(path, O_RDONLY) >= 0 || open(other, O_RDONLY) >= 0) {
            fprintf(stderr, "ESCAPED: read %s\n", path);
            exit(99);
        }
    }
}
