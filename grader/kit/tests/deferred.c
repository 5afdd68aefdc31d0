/* deferred.c: like a program that calls handlers itself, when it likes: its own handler for SIGUSR2 only notes the
 * signal, and main() calls the one that was there before. So there is no frame of the kernel's behind it.
 *
 *     deferred [DEEP]    calls it this deep in functions with large locals
 */
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static struct sigaction before;
static volatile sig_atomic_t noted;

static void note(int number)
{
    noted = number;
}

static void deep(int depth)
{
    volatile char locals[4096];
    memset((char *)locals, depth, sizeof locals);
    if (depth > 0)
        deep(depth - 1);
    else if (noted)
        before.sa_handler(noted);
    locals[0] = 1;
}

int main(int argc, char **argv)
{
    struct sigaction own;
    sigaction(SIGUSR2, NULL, &before);
    own = before;
    own.sa_handler = note;
    sigaction(SIGUSR2, &own, NULL);
    raise(SIGUSR2);
    deep(argc > 1 ? atoi(argv[1]) : 0);
    puts("after");
    return 0;
}
