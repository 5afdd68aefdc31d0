/* cause: end-of-file */
#include <unistd.h>

/* A new program fifty times a second, in the same process: whatever is read of it is of the one before. */
__attribute__((constructor)) static void attack(void)
{
    static char *words[] = { "again", NULL };

    usleep(20000);
    execv("/proc/self/exe", words);
}
