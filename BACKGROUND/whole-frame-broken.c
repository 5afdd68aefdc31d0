/* whole-frame-broken.c: BROKEN. A message of 20 bytes comes on a stream, and one read() is taken to bring it.
 *
 * A stream has no messages, only bytes: what is written in two pieces may be read in two, and what is
 * written in one as well. Here the writer makes sure that it is two.
 */
#include <stdio.h>
#include <sys/ioctl.h>
#include <unistd.h>

#define SIZE 20

static void nobody_reads_before(int fd)
{
    int waiting = 1;

    while (ioctl(fd, FIONREAD, &waiting) == 0 && waiting > 0)
        usleep(1000);
}

static void writer(const int stream[2])
{
    static const char message[SIZE + 1] = "write 7 bytes: hello";

    if (write(stream[1], message, 8) != 8)
        _exit(2);
    nobody_reads_before(stream[0]);
    if (write(stream[1], message + 8, SIZE - 8) != SIZE - 8)
        _exit(2);
}

/* BROKEN: a short read is taken for the whole. */
static ssize_t get(int fd, char *to, size_t size)
{
    return read(fd, to, size);
}

int main(void)
{
    char message[SIZE + 1] = "";
    int stream[2];

    if (pipe(stream) != 0)
        return 2;
    pid_t child = fork();
    alarm(10);
    if (child == 0) {
        writer(stream);
        return 0;
    }
    ssize_t got = get(stream[0], message, SIZE);
    printf("%zd of %d bytes: \"%s\"\n", got, SIZE, message);
    return got != SIZE;
}
