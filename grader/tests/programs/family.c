/* family.c: what is a child, and when it is none: a child that runs; then a zombie; then none. */
#include "program.h"

#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

int main(void)
{
    START();
    siginfo_t end;
    pid_t child = fork();

    if (child == 0)
        for (;;)
            pause();
    gate(1);
    kill(child, SIGKILL);
    waitid(P_PID, (id_t)child, &end, WEXITED | WNOWAIT);
    gate(2);
    waitpid(child, NULL, 0);
    gate(3);
    say("alone");
    return finish();
}
