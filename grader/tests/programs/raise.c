/* raise.c: raise(), and functions that use the thread's id as libc remembers
 * it, after the gate. */
#define _GNU_SOURCE
#include "program.h"

#include <signal.h>
#include <pthread.h>
#include <sched.h>
#include <time.h>
#include <sys/syscall.h>
#include <unistd.h>

static volatile sig_atomic_t caught;

static void on_signal(int number)
{
    caught += number;
}

int main(void)
{
    START();
    signal(SIGUSR1, on_signal);
    gate(1);
    say("raise returned %d", raise(SIGUSR1));
    say("caught %d", caught == SIGUSR1);
    say("pthread_kill returned %d", pthread_kill(pthread_self(), SIGUSR1));
    say("caught %d", caught == 2 * SIGUSR1);
    cpu_set_t cpus;
    clockid_t clock;
    struct timespec used;
    say("affinity %d", pthread_getaffinity_np(pthread_self(), sizeof cpus, &cpus));
    if (pthread_getcpuclockid(pthread_self(), &clock) == 0)
        say("clock %d", (int)syscall(SYS_clock_gettime, clock, &used)); /* no vdso */
    return finish();
}
