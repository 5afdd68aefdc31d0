/* once.c: a call is made by somebody else; a signal comes before the answer; the answer is waited for.
 *
 * The server gives out numbers, each once: like read() on a file, it must not be asked twice for one
 * answer. To each question there is one answer, and nobody does anything else before he has it.
 */
#define _GNU_SOURCE
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <unistd.h>

static int ask[2], tell[2], noticed[2];

static void on_signal(int sig)
{
    (void)sig;
    if (write(noticed[1], "!", 1) < 0)
        _exit(2);
}

/* The other side: one number for each question. Before the second answer it sends a signal. */
static void server(pid_t client)
{
    char c;

    for (int number = 1; read(ask[0], &c, 1) == 1; number++) {
        if (number == 2 && (kill(client, SIGUSR1) != 0 || read(noticed[0], &c, 1) != 1))
            _exit(2);
        if (write(tell[1], &number, sizeof number) < 0)
            _exit(2);
    }
}

static int answer(void)
{
    int number = 0;

    return read(tell[0], &number, sizeof number) == sizeof number ? number : -1;
}

/* True: there is an answer. False: a signal came first. */
static int wait_for_answer(void)
{
    struct pollfd fd = {tell[0], POLLIN, 0};
    sigset_t none;

    sigemptyset(&none);
    return ppoll(&fd, 1, NULL, &none) > 0;
}

static int next(void)
{
    if (write(ask[1], "?", 1) != 1)
        return -1;
    while (!wait_for_answer())
        ; /* the handler has run; the question stands */
    return answer();
}

int main(void)
{
    sigset_t set;
    pid_t self = getpid();

    signal(SIGUSR1, on_signal);
    sigemptyset(&set);
    sigaddset(&set, SIGUSR1);
    sigprocmask(SIG_BLOCK, &set, NULL); /* it comes while we wait, and only then */
    if (pipe(ask) != 0 || pipe(tell) != 0 || pipe(noticed) != 0)
        return 2;
    pid_t child = fork();
    alarm(10);
    if (child == 0) {
        close(ask[1]);
        server(self);
        return 0;
    }
    int a = next(), b = next(), c = next();
    printf("the numbers: %d %d %d\n", a, b, c);
    return b != 2 || c != 3;
}
