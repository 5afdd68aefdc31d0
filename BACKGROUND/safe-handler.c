/* safe-handler.c: the handler does next to nothing, and main does the rest.
 *
 * A handler can come at any instruction: also while main is inside a function of
 * the C library that holds a lock. So a handler may call only what the page
 * signal-safety(7) lists: write(), open(), read(), _exit()... not printf, not malloc.
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
    (void)sig;
    ticks++;
}

int main(void)
{
    struct itimerval tick = {{0, 2000}, {0, 2000}}; /* of processor time */
    time_t now = time(NULL);

    alarm(60); /* whatever happens, this demo ends, on a slow machine, too */
    signal(SIGVTALRM, handler);
    setitimer(ITIMER_VIRTUAL, &tick, NULL);
    printf("main calls localtime() again and again, the handler comes 25 times\n");
    fflush(stdout);
    while (ticks < 25)
        hour = localtime(&now)->tm_hour; /* holds a lock while it works */
    printf("25 signals, no harm\n");
    return 0;
}
