/* cause: sandbox-processes */
#include <unistd.h>

__attribute__((constructor)) static void attack(void)
{
    for (;;)
        if (fork() < 0)
            usleep(1000);
}
