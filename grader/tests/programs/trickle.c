/* trickle.c: a slow way: passes bytes on in small pieces of changing sizes.
 *
 *     trickle                    standard input to standard output
 *     trickle COMMAND ARG...     runs it, its input and output through here; ends as it does
 *
 * The first bytes come one by one: each when the one before it was read. Then the pieces are larger, so that an image
 * does not take for ever.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/ioctl.h>
#include <sys/wait.h>
#include <unistd.h>

#define ALONE 200 /* bytes that come one by one */

struct way {
    int from, to;
    unsigned long done;
    unsigned chance;
};

static size_t piece(struct way *way)
{
    way->chance = way->chance * 1103515245 + 12345;
    return way->done < ALONE ? 1 : 1 + (way->chance >> 16) % (way->done < 10000 ? 40 : 5000);
}

/* Waits until the pipe is empty, or nobody is there to read. */
static void until_read(int pipe)
{
    struct pollfd reader = { pipe, 0, 0 };
    int left = 0;

    while (ioctl(pipe, FIONREAD, &left) == 0 && left > 0 && poll(&reader, 1, 0) == 0)
        usleep(20);
}

/* False at the end. */
static int pass(struct way *way)
{
    char data[5001];
    long n = read(way->from, data, piece(way));

    if (n <= 0)
        return n < 0 && errno == EINTR;
    for (long done = 0; done < n;) {
        long m = write(way->to, data + done, (size_t)(n - done));
        if (m < 0 && errno != EINTR)
            return 0;
        done += m > 0 ? m : 0;
    }
    way->done += (unsigned long)n;
    if (way->done < ALONE)
        until_read(way->to);
    return 1;
}

static pid_t start(char **argv, struct way *in, struct way *out)
{
    int there[2], back[2];

    if (pipe(there) || pipe(back))
        exit(71);
    pid_t child = fork();
    if (child == 0) {
        dup2(there[0], 0);
        dup2(back[1], 1);
        for (int fd = 3; fd < 20; fd++)
            close(fd);
        execvp(argv[0], argv);
        _exit(127);
    }
    close(there[0]);
    close(back[1]);
    in->to = there[1];
    out->from = back[0];
    return child;
}

int main(int argc, char **argv)
{
    struct way in = { 0, 1, 0, 1 }, out = { -1, 1, 0, 2 };
    int status;

    signal(SIGPIPE, SIG_IGN);
    if (argc < 2) {
        while (pass(&in))
            ;
        return 0;
    }
    pid_t child = start(argv + 1, &in, &out);
    while (out.from >= 0) {
        struct pollfd both[2] = { { in.from, POLLIN, 0 }, { out.from, POLLIN, 0 } };
        if (poll(both, 2, -1) < 0)
            continue;
        if (both[1].revents && !pass(&out))
            out.from = -1;
        if (both[0].revents && !pass(&in)) {
            close(in.to);
            in.from = -1;
        }
    }
    waitpid(child, &status, 0);
    return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
}
