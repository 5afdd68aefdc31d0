/* pending.c: queued real-time signals and an ordinary one, pending in a
 * blocked state across the gate, each with what it carries. */
#include "program.h"

#include <signal.h>
#include <time.h>
#include <unistd.h>

static void queue(int number, int value)
{
    union sigval carried = { .sival_int = value };

    sigqueue(getpid(), number, carried);
}

int main(void)
{
    START();
    struct timespec none = { 0, 0 };
    siginfo_t info;
    sigset_t set;

    sigemptyset(&set);
    sigaddset(&set, SIGRTMIN + 1);
    sigaddset(&set, SIGRTMIN + 2);
    sigaddset(&set, SIGUSR1);
    sigprocmask(SIG_BLOCK, &set, NULL);
    for (int i = 0; i < 3; i++)
        queue(SIGRTMIN + 1, 100 + i);
    queue(SIGRTMIN + 2, 777);
    queue(SIGUSR1, 55);
    gate(1);
    for (int i = 0; i < 6; i++) {
        int number = sigtimedwait(&set, &info, &none);
        if (number < 0)
            say("no more");
        else
            say("signal %d value %d code %d", number == SIGUSR1 ? 0 : number - SIGRTMIN,
                info.si_value.sival_int, info.si_code == SI_QUEUE);
    }
    return finish();
}
