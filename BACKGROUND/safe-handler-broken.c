/* safe-handler-broken.c: BROKEN. The handler calls localtime(), as main does.
 *
 * localtime() takes a lock. The signal comes while main holds it; the handler
 * waits for the lock; main, which is below the handler on the same stack, can never
 * give it back. printf() and malloc() have locks as well. alarm() ends the demo.
 */
#include <signal.h>
#include <stdio.h>
#include <sys/time.h>
#include <time.h>
#include <unistd.h>

static volatile sig_atomic_t ticks;
static volatile int hour;

static void handler(int sig)
{
    time_t now = time(NULL);

    (void)sig;
    hour = localtime(&now)->tm_hour; /* BROKEN: waits for a lock that main holds */
    ticks++;
}

int main(void)
{
    struct itimerval tick = {{0, 2000}, {0, 2000}}; /* of processor time */
    time_t now = time(NULL);

    alarm(2); /* whatever happens, this demo ends */
    signal(SIGVTALRM, handler);
    setitimer(ITIMER_VIRTUAL, &tick, NULL);
    printf("main calls localtime() again and again, the handler comes 25 times\n");
    fflush(stdout);
    while (ticks < 25)
        hour = localtime(&now)->tm_hour; /* holds a lock while it works */
    printf("25 signals, no harm\n");
    return 0;
}
