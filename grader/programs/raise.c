/* raise.c: raise() and the thread's id after the gate. */
#include "program.h"

#include <signal.h>
#include <pthread.h>
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
    return finish();
}
