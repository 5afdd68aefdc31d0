/* children.c: a child that only waits, so that a signal to it can show who
 * writes an image. */
#include "program.h"

#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

int main(void)
{
    START();
    int status = 0;
    pid_t child = fork();

    if (child == 0)
        for (;;)
            pause();
    say("child %d", child);
    gate(1);
    kill(child, SIGKILL);
    waitpid(child, &status, 0);
    say("child killed by %d", WTERMSIG(status));
    gate(2);
    return finish();
}
