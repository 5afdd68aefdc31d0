/* eventfds.c: eventfd, timerfd and signalfd. */
#include "program.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <sys/eventfd.h>
#include <sys/signalfd.h>
#include <sys/timerfd.h>
#include <time.h>
#include <unistd.h>

static void tell_count(const char *name, int fd)
{
    uint64_t count = 0;

    if (read(fd, &count, sizeof count) < 0)
        say("%s: errno %d", name, errno);
    else
        say("%s: %lu", name, count);
}

static void tell_timer(const char *name, int fd, long left)
{
    struct itimerspec timer;

    timerfd_gettime(fd, &timer);
    say("%s: left %d interval %ld", name,
        timer.it_value.tv_sec > left / 2 && timer.it_value.tv_sec <= left, (long)timer.it_interval.tv_sec);
}

/* A timer that has expired, and whose expirations nobody has read. */
static int expired(long interval)
{
    struct itimerspec soon = { { interval, 0 }, { 0, 1 } };
    int fd = timerfd_create(CLOCK_MONOTONIC, TFD_NONBLOCK);
    struct pollfd poll_it = { fd, POLLIN, 0 };

    timerfd_settime(fd, 0, &soon, NULL);
    poll(&poll_it, 1, -1);
    return fd;
}

static int signals(int number)
{
    sigset_t set;

    sigemptyset(&set);
    sigaddset(&set, number);
    sigprocmask(SIG_BLOCK, &set, NULL);
    return signalfd(-1, &set, SFD_NONBLOCK);
}

int main(void)
{
    START();
    int semaphore = eventfd(3, EFD_SEMAPHORE | EFD_NONBLOCK);
    int counter = eventfd(1234567, EFD_CLOEXEC);
    int zero = eventfd(0, EFD_NONBLOCK);
    int once = expired(0), again = expired(5000);
    int later = timerfd_create(CLOCK_MONOTONIC, TFD_CLOEXEC), of_day = timerfd_create(CLOCK_REALTIME, 0);
    struct itimerspec timer = { { 7, 0 }, { 4000, 0 } };
    int incoming = signals(SIGUSR1);
    struct signalfd_siginfo info = { 0 };

    timerfd_settime(later, 0, &timer, NULL);
    timer.it_value.tv_sec = time(NULL) + 3000;
    timerfd_settime(of_day, TFD_TIMER_ABSTIME, &timer, NULL);
    gate(1);
    for (int i = 0; i < 4; i++)
        tell_count("semaphore", semaphore);
    tell_count("counter", counter);
    say("cloexec %d", fcntl(counter, F_GETFD));
    tell_count("zero", zero);
    tell_timer("later", later, 4000);
    tell_timer("of day", of_day, 3000);
    tell_count("once", once);
    tell_count("once", once);
    tell_count("again", again);
    tell_count("again", again);
    tell_timer("again", again, 5000);
    say("no signal: %d", (int)read(incoming, &info, sizeof info));
    raise(SIGUSR1);
    read(incoming, &info, sizeof info);
    say("signal %d", info.ssi_signo);
    return finish();
}
