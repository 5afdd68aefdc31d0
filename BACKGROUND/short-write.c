/* short-write.c: write() may do only part of the work. Go on from where it stopped.
 *
 * Memory is sent through a pipe to a reader. The pipe is soon full, a timer goes
 * off while write() waits, and write() returns what it has done so far: less
 * than it was asked for, and no error.
 */
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/ioctl.h>
#include <sys/time.h>
#include <sys/wait.h>
#include <unistd.h>

static char region[1 << 20];
static int image[2], start[2]; /* two pipes: the memory, and a start signal */

/* The timer. Let the reader start as soon as the writer is stuck in write(). */
static void on_alarm(int sig)
{
    int saved = errno, waiting = 0;

    (void)sig;
    if (ioctl(image[0], FIONREAD, &waiting) == 0 && waiting > 0 && write(start[1], "!", 1) < 0)
        _exit(2);
    errno = saved;
}

static void reader(void)
{
    static char buffer[1 << 16];
    size_t total = 0;
    ssize_t got = read(start[0], buffer, 1);

    while ((got = read(image[0], buffer, sizeof buffer)) > 0)
        total += (size_t)got;
    printf("the reader got %zu of %zu bytes\n", total, sizeof region);
    exit(total != sizeof region);
}

static int save(int fd, const char *from, size_t size)
{
    size_t done = 0;

    while (done < size) {
        ssize_t rc = write(fd, from + done, size - done);
        if (rc < 0 && errno != EINTR)
            return -1;
        done += rc > 0 ? (size_t)rc : 0;
    }
    return 0;
}

int main(void)
{
    struct itimerval tick = {{0, 20000}, {0, 20000}};
    struct sigaction action = {.sa_handler = on_alarm, .sa_flags = SA_RESTART};
    int status;

    if (pipe(image) != 0 || pipe(start) != 0)
        return 2;
    if (fork() == 0) {
        close(image[1]);
        alarm(60);
        reader();
    }
    sigaction(SIGALRM, &action, NULL);
    setitimer(ITIMER_REAL, &tick, NULL);
    printf("save returned %d\n", save(image[1], region, sizeof region));
    fflush(stdout);
    close(image[1]);
    while (wait(&status) < 0)
        ;
    return WEXITSTATUS(status);
}
