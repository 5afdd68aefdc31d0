/* cause: outlived */
#include <signal.h>
#include <sys/prctl.h>
#include <unistd.h>

/* A process that goes on when its program has ended. */
__attribute__((constructor)) static void attack(void)
{
    if (fork() > 0)
        return;
    setsid();
    if (fork() > 0)
        _exit(0);
    prctl(PR_SET_NAME, "ckptlab-ghost");
    signal(SIGTERM, SIG_IGN);
    signal(SIGHUP, SIG_IGN);
    for (;;)
        usleep(1000);
}
