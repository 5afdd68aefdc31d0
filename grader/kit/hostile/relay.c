/* cause: outlived */
#include <signal.h>
#include <sys/prctl.h>
#include <unistd.h>

/* Each process starts the next and ends: when its pid is known, it is gone. */
__attribute__((constructor)) static void attack(void)
{
    if (fork() > 0)
        return;
    prctl(PR_SET_NAME, "ckptlab-ghost");
    signal(SIGCHLD, SIG_IGN);
    for (;;) {
        setsid();
        if (fork() > 0)
            _exit(0);
    }
}
