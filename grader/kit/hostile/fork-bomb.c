/* cause: sandbox-processes */
#include <unistd.h>

/* Processes that start processes. */
__attribute__((constructor)) static void attack(void)
{
    for (;;)
        if (fork() < 0)
            usleep(1000);
}
