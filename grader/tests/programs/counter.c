/* counter.c: count to LAST, one line a step, with a gate after each GATE.
 * usage: counter LAST [GATE]...
 * BARE: no libc while counting.  STDIO: lines through stdio's buffer.
 * SLEEPS: usleep() in each step.  CLOCK: clock_gettime() in each step. */
#include "program.h"

#include <stdio.h>
#include <stdlib.h>
#include <time.h>
#include <unistd.h>

static void count_line(int i)
{
    char text[] = "step 000000";

    for (int at = 10; at > 4 && i; at--, i /= 10)
        text[at] = (char)('0' + i % 10);
#ifdef STDIO
    char line[64];
    printf("%s", seal(text, line, sizeof line));
#else
    say_text(text);
#endif
}

static void extra_work(void)
{
#ifdef SLEEPS
    usleep(300);
#endif
#ifdef CLOCK
    struct timespec now;
    if (clock_gettime(CLOCK_MONOTONIC, &now) || clock_gettime(CLOCK_REALTIME, &now) || time(NULL) < 1000000000)
        say_text("clock failed");
#endif
}

int main(int argc, char **argv)
{
    START();
    int last = argc > 1 ? atoi(argv[1]) : 20, gates[16] = { 0 };

    for (int i = 0; i < 16 && i + 2 < argc; i++)
        gates[i] = atoi(argv[i + 2]);
    for (int i = 1, next = 0; i <= last; i++) {
        count_line(i);
        extra_work();
        if (next < 16 && gates[next] == i)
            gate(++next);
    }
#ifdef STDIO
    fflush(stdout);
#endif
    return finish();
}
