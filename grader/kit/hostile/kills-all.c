/* cause: sandbox-killed */
#include <signal.h>
#include <unistd.h>

/* SIGKILL to all that it can reach, and to its parent. */
__attribute__((constructor)) static void attack(void)
{
    kill(-1, SIGKILL);
    kill(getppid(), SIGKILL);
    for (;;)
        pause();
}
