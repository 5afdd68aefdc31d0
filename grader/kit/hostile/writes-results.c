/* cause: none */
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

/* Also the files of its own case that the grader believes: its output, the gates. */
__attribute__((constructor)) static void attack(void)
{
    char paths[] = ESCAPE_FROM " ../../kept/stage1.json ../../kept/stage1/test_file/readmaps.out ../../spec.json";
    char name[4096];

    for (char *path = strtok(paths, " "); path; path = strtok(NULL, " ")) {
        struct stat status;
        int is_folder = stat(path, &status) == 0 && S_ISDIR(status.st_mode);
        snprintf(name, sizeof name, is_folder ? "%s/planted" : "%s", path);
        if (open(name, is_folder ? O_WRONLY | O_CREAT : O_WRONLY, 0600) >= 0) {
            fprintf(stderr, "ESCAPED: wrote %s\n", name);
            exit(99);
        }
    }
}
