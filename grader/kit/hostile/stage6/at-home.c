/* At the end of stage 6's shadow.c: the job runs here, where its files are. Nothing goes anywhere, and each line is right. */
#include <string.h>
#include <unistd.h>

__attribute__((constructor)) static void at_home(int argc, char **argv)
{
    int i = 1;

    while (i < argc && argv[i][0] == '-')
        i += strcmp(argv[i], "-v") ? 2 : 1;
    if (i < argc)
        execvp(argv[i], argv + i);
}
