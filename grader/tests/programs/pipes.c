/* pipes.c: pipes with both ends in the process, with packets, without writers or readers, and a FIFO.
 * argv[1]: the FIFO's path. */
#define _GNU_SOURCE
#include "program.h"
#include "raw.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static char buffer[1 << 20];

/* What a read gives, in a few words. */
static void tell_read(const char *name, int fd)
{
    ssize_t n = read(fd, buffer, 100);

    if (n < 0)
        say("%s: errno %d", name, errno);
    else
        say("%s: %d %.*s", name, (int)n, (int)n, buffer);
}

static void tell_end(const char *name, int fd)
{
    struct pollfd poll_it = { fd, POLLIN, 0 };

    poll(&poll_it, 1, 0);
    say("%s: flags %x cloexec %d hangup %d error %d capacity %d", name, fcntl(fd, F_GETFL) & ~LARGE_FILE,
        fcntl(fd, F_GETFD), !!(poll_it.revents & POLLHUP), !!(poll_it.revents & POLLERR),
        fcntl(fd, F_GETPIPE_SZ));
}

static int full[2], packets[2], empty[2], no_writer[2], no_reader[2], second_end;
static int fifo_in, fifo_out;

static void set_up(const char *path)
{
    pipe(full);
    fcntl(full[1], F_SETPIPE_SZ, sizeof buffer);
    for (size_t i = 0; i < sizeof buffer; i++)
        buffer[i] = (char)('a' + mix(i, 7) % 26);
    write(full[1], buffer, sizeof buffer);
    pipe2(packets, O_DIRECT | O_CLOEXEC | O_NONBLOCK);
    write(packets[1], "one", 3);
    write(packets[1], "two", 3);
    write(packets[1], buffer, (size_t)sysconf(_SC_PAGESIZE)); /* no packet is larger */
    pipe2(empty, O_NONBLOCK);
    second_end = open("/proc/self/fd/3", O_WRONLY | O_NONBLOCK);
    pipe(no_writer);
    write(no_writer[1], "last words", 10);
    close(no_writer[1]);
    pipe(no_reader);
    close(no_reader[0]);
    mkfifo(path, 0600);
    fifo_in = open(path, O_RDONLY | O_NONBLOCK | O_CLOEXEC);
    fifo_out = open(path, O_WRONLY);
    write(fifo_out, "through the FIFO", 16);
}

/* All of a pipe, as a number; it must be the one that fills it. */
static void tell_full(void)
{
    size_t good = 0, all = 0;
    ssize_t n;

    while (all < sizeof buffer && (n = read(full[0], buffer, sizeof buffer)) > 0)
        for (ssize_t i = 0; i < n; i++, all++)
            good += buffer[i] == (char)('a' + mix(all, 7) % 26);
    say("full: %zu bytes, %zu good", all, good);
    write(second_end, "by the second end", 17);
    tell_read("full", full[0]);
}

int main(int argc, char **argv)
{
    START();
    (void)argc;
    signal(SIGPIPE, SIG_IGN);
    set_up(argv[1]);
    gate(1);
    tell_end("full", full[0]);
    tell_full();
    tell_end("packets", packets[0]);
    tell_end("packets", packets[1]);
    tell_read("packets", packets[0]);
    tell_read("packets", packets[0]);
    say("packets: a page %d", read(packets[0], buffer, sizeof buffer) == sysconf(_SC_PAGESIZE));
    tell_read("packets", packets[0]);
    tell_read("empty", empty[0]);
    write(empty[1], "not any more", 12);
    tell_read("empty", empty[0]);
    tell_end("no writer", no_writer[0]);
    tell_read("no writer", no_writer[0]);
    tell_read("no writer", no_writer[0]);
    tell_end("no reader", no_reader[1]);
    if (write(no_reader[1], "x", 1) < 0)
        say("no reader: broken %d", errno == EPIPE);
    tell_end("FIFO", fifo_in);
    tell_end("FIFO", fifo_out);
    tell_read("FIFO", fifo_in);
    close(fifo_out);
    tell_read("FIFO", fifo_in);
    return finish();
}
