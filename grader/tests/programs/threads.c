/* threads.c: a second thread, which waits at a pipe until the end. */
#include "program.h"

#include <pthread.h>
#include <unistd.h>

static int ends[2];

static void *wait_for_end(void *unused)
{
    char byte;

    while (read(ends[0], &byte, 1) < 0)
        ;
    return unused;
}

int main(void)
{
    START();
    pthread_t thread;

    if (pipe(ends) || pthread_create(&thread, NULL, wait_for_end, NULL))
        return 1;
    gate(1);
    close(ends[1]);
    pthread_join(thread, NULL);
    say("joined");
    return finish();
}
