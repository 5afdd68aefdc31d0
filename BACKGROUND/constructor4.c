/* constructor4.c: the constructor registers a signal handler, and returns.
 *
 * This is libckpt.so in small: main runs as if nothing had happened, until the
 * signal comes. Our handler then runs inside a program that we did not write.
 */
#include <signal.h>
#include <unistd.h>

/* A handler may use write(), not printf(): see safe-handler.c. */
static void my_handler(int sig)
{
    static const char text[] = "library: my handler runs; a checkpoint would be made here\n";

    (void)sig;
    if (write(STDOUT_FILENO, text, sizeof text - 1) < 0)
        _exit(2);
}

__attribute__((constructor)) static void my_constructor(void)
{
    struct sigaction action = {.sa_handler = my_handler, .sa_flags = SA_RESTART};

    sigaction(SIGUSR2, &action, NULL);
}
