/* rungtimer.c SECONDS MICROSECONDS: at the gate a periodic setitimer(2) timer of this interval has rung, and its SIGALRM
 * waits: it comes once, and the next one after an interval. */
#include "program.h"

#include <signal.h>
#include <stdlib.h>
#include <sys/time.h>
#include <time.h>

static void take(const sigset_t *set, long patience)
{
    struct timespec limit = { patience, 0 };
    int number = sigtimedwait(set, NULL, &limit);

    say("%s", number == SIGALRM ? "rang" : "nothing");
}

int main(int argc, char **argv)
{
    START();
    struct itimerval timer = { { atoi(argv[argc - 2]), atoi(argv[argc - 1]) }, { 0, 1 } };
    sigset_t set, pending;
    int often = timer.it_interval.tv_sec == 0;

    sigemptyset(&set);
    sigaddset(&set, SIGALRM);
    sigprocmask(SIG_BLOCK, &set, NULL);
    setitimer(ITIMER_REAL, &timer, NULL);
    do
        sigpending(&pending);
    while (!sigismember(&pending, SIGALRM));
    gate(1);
    take(&set, 0);
    take(&set, often ? 100 : 0);
    take(&set, often ? 100 : 0);
    getitimer(ITIMER_REAL, &timer);
    say("every %ld.%06ld, next in time %d", (long)timer.it_interval.tv_sec, (long)timer.it_interval.tv_usec,
        often || (timer.it_value.tv_sec > 1000 && timer.it_value.tv_sec <= 5000));
    return finish();
}
