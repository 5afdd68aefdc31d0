/* posixtimers.c: timers of timer_create(2); the grader compares /proc/PID/timers.  Some were deleted, so the ids
 * have gaps; one rang before the gate, its signal blocked; one rings after it. */
#include "program.h"

#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#define SOON SIGRTMIN
#define WAITING (SIGRTMIN + 1)

static int create(int clock, int notify, int signal, int value)
{
    struct sigevent event;
    int id = -1;

    memset(&event, 0, sizeof event);
    event.sigev_notify = notify;
    event.sigev_signo = signal;
    event.sigev_value.sival_int = value;
    if (notify & SIGEV_THREAD_ID)
        event._sigev_un._tid = getpid();
    if (syscall(SYS_timer_create, clock, &event, &id) != 0)
        abort();
    return id;
}

static void arm(int id, long seconds, long nanoseconds, long every)
{
    struct itimerspec time = { { every, 0 }, { seconds, nanoseconds } };

    syscall(SYS_timer_settime, id, 0, &time, NULL);
}

static void tell(int id, long seconds)
{
    struct itimerspec time;

    memset(&time, 0, sizeof time);
    syscall(SYS_timer_gettime, id, &time);
    say("timer %d every %ld", time.it_value.tv_sec > seconds / 2 && time.it_value.tv_sec <= seconds,
        (long)time.it_interval.tv_sec);
}

/* Takes a signal from the queue, and says which it was. */
static void take(int number, long patience)
{
    struct timespec limit = { patience, 0 };
    siginfo_t info;
    sigset_t set;

    memset(&info, 0, sizeof info);
    sigemptyset(&set);
    sigaddset(&set, number);
    if (sigtimedwait(&set, &info, &limit) < 0)
        say("nothing of %d", number - SIGRTMIN);
    else
        say("signal %d timer %d code %d value %d", number - SIGRTMIN, info.si_timerid, info.si_code,
            info.si_value.sival_int);
}

int main(void)
{
    START();
    int first, monotonic, unarmed, cpu, ringing, later;
    sigset_t set;

    sigemptyset(&set);
    sigaddset(&set, SOON);
    sigaddset(&set, WAITING);
    sigprocmask(SIG_BLOCK, &set, NULL);
    first = create(CLOCK_REALTIME, SIGEV_SIGNAL, SIGALRM, 11);
    for (int i = 0; i < 30; i++)
        syscall(SYS_timer_delete, create(CLOCK_REALTIME, SIGEV_SIGNAL, SIGALRM, 0));
    monotonic = create(CLOCK_MONOTONIC, SIGEV_NONE, 0, 22);
    unarmed = create(CLOCK_BOOTTIME, SIGEV_SIGNAL | SIGEV_THREAD_ID, SIGALRM, 33);
    cpu = create(CLOCK_PROCESS_CPUTIME_ID, SIGEV_SIGNAL, SIGALRM, 44);
    ringing = create(CLOCK_MONOTONIC, SIGEV_SIGNAL, WAITING, 55);
    later = create(CLOCK_MONOTONIC, SIGEV_SIGNAL, SOON, 66);
    arm(first, 5000, 0, 7);
    arm(monotonic, 6000, 0, 8);
    arm(cpu, 7000, 0, 9);
    arm(ringing, 0, 1, 0);
    do
        sigpending(&set);
    while (!sigismember(&set, WAITING));
    say("ids %d %d %d", unarmed - monotonic, cpu - monotonic, later - monotonic);
    gate(1);
    tell(first, 5000);
    tell(monotonic, 6000);
    tell(unarmed, 0);
    tell(cpu, 7000);
    take(WAITING, 5);
    take(WAITING, 0);
    arm(later, 0, 1, 0);
    take(SOON, 20);
    gate(2);
    return finish();
}
