/* cause: sandbox-memory */
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <unistd.h>

/* The hog is the grandchild of a process that is gone, in a session of its own, and nobody may trace it. */
__attribute__((constructor)) static void attack(void)
{
    if (fork() > 0)
        pause();
    setsid();
    if (fork() > 0)
        _exit(0);
    prctl(PR_SET_DUMPABLE, 0);
    for (;;) {
        char *more = malloc(16 << 20);
        if (more)
            memset(more, 1, 16 << 20);
        else
            usleep(1000);
    }
}
