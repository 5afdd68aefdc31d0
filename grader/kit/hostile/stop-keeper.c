/* cause: end-of-file */
#include <signal.h>
#include <unistd.h>

/* Not killed but stopped, whoever waits for this program would wait for ever. */
__attribute__((constructor)) static void attack(void)
{
    kill(getppid(), SIGSTOP);
}
