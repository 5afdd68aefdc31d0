/* timers.c: the three interval timers, and one that rings after the gate. */
#include "program.h"

#include <signal.h>
#include <sys/time.h>
#include <unistd.h>

static volatile sig_atomic_t rang;

static void on_alarm(int number)
{
    (void)number;
    rang = 1;
}

static void arm(int which, long seconds, long every)
{
    struct itimerval timer = { { every, 0 }, { seconds, 0 } };

    setitimer(which, &timer, NULL);
}

static void tell(const char *name, int which, long seconds)
{
    struct itimerval timer;

    getitimer(which, &timer);
    say("%s armed %d every %ld", name,
        timer.it_value.tv_sec > seconds / 2 && timer.it_value.tv_sec <= seconds,
        (long)timer.it_interval.tv_sec);
}

int main(void)
{
    START();
    struct itimerval soon = { { 0, 0 }, { 0, 1000 } };

    signal(SIGALRM, on_alarm);
    arm(ITIMER_REAL, 5000, 7);
    arm(ITIMER_VIRTUAL, 6000, 8);
    arm(ITIMER_PROF, 7000, 9);
    gate(1);
    tell("real", ITIMER_REAL, 5000);
    tell("virtual", ITIMER_VIRTUAL, 6000);
    tell("prof", ITIMER_PROF, 7000);
    setitimer(ITIMER_REAL, &soon, NULL);
    while (!rang)
        usleep(1000);
    say("rang");
    return finish();
}
