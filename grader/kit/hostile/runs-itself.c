/* cause: end-of-file */
#include <unistd.h>

/* A new program each millisecond, in the same process: whatever is read of it is of the one before. */
__attribute__((constructor)) static void attack(void)
{
    static char *words[] = { "again", NULL };

    usleep(1000);
    execv("/proc/self/exe", words);
}
