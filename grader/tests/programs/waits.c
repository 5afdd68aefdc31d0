/* waits.c CALL PATH SECONDS [block|once|mask]: waits once, by the call that is named, and says how that ended.  A call without a
 * limit of its own ends by a byte in the FIFO at PATH, or by SIGALRM, which has a handler; the others after SECONDS.
 * With "block" the handler blocks all signals; with "once" it does so, and is gone when it has run; with "mask" the
 * call itself blocks SIGUSR2. */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <linux/futex.h>
#include <poll.h>
#include <semaphore.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/msg.h>
#include <sys/select.h>
#include <sys/sem.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

static int fifo, id, seconds;
static volatile sig_atomic_t rang;

static void on_alarm(int number)
{
    (void)number;
    rang = 1;
}

static struct timespec soon(int clock)
{
    struct timespec time;

    clock_gettime(clock, &time);
    time.tv_sec += seconds;
    return time;
}

/* The calls that wait until something comes. */
static long wait_for_ever(const char *call, sigset_t *none)
{
    struct pollfd one = { fifo, POLLIN, 0 };
    struct epoll_event event = { .events = EPOLLIN };
    struct sembuf down = { 0, -1, 0 };
    struct { long type; char text[8]; } message;
    sigset_t alarm;
    fd_set set;
    int epoll = epoll_create1(0);

    epoll_ctl(epoll, EPOLL_CTL_ADD, fifo, &event);
    FD_ZERO(&set);
    FD_SET(fifo, &set);
    sigemptyset(&alarm);
    sigaddset(&alarm, SIGALRM);
    if (!strcmp(call, "pause"))
        return pause();
    if (!strcmp(call, "poll(-1)"))
        return poll(&one, 1, -1);
    if (!strcmp(call, "ppoll(NULL)"))
        return ppoll(&one, 1, NULL, none);
    if (!strcmp(call, "select(NULL)"))
        return select(fifo + 1, &set, NULL, NULL, NULL);
    if (!strcmp(call, "epoll_wait(-1)"))
        return epoll_wait(epoll, &event, 1, -1);
    if (!strcmp(call, "epoll_pwait(-1)"))
        return epoll_pwait(epoll, &event, 1, -1, none);
    if (!strcmp(call, "semop"))
        return semop(id = semget(IPC_PRIVATE, 1, 0600), &down, 1);
    if (!strcmp(call, "msgrcv"))
        return msgrcv(id = msgget(IPC_PRIVATE, 0600), &message, sizeof message.text, 0, 0);
    sigprocmask(SIG_BLOCK, &alarm, NULL);
    if (!strcmp(call, "sigsuspend"))
        return sigsuspend(none);
    if (!strcmp(call, "sigwaitinfo"))
        return sigwaitinfo(&alarm, NULL);
    return -2;
}

/* Those whose rest the kernel knows, or that have an end which does not move. */
static long wait_for_seconds(const char *call, sigset_t *none)
{
    struct timespec second = { seconds, 0 }, monotonic = soon(CLOCK_MONOTONIC);
    struct timespec real = soon(CLOCK_REALTIME);
    struct timeval limit = { seconds, 0 };
    sem_t semaphore;

    sem_init(&semaphore, 0, 0);
    if (!strcmp(call, "sleep"))
        return sleep((unsigned)seconds);
    if (!strcmp(call, "nanosleep(rest)"))
        return nanosleep(&second, &second);
    if (!strcmp(call, "clock_nanosleep(rest)"))
        return clock_nanosleep(CLOCK_MONOTONIC, 0, &second, &second);
    if (!strcmp(call, "clock_nanosleep(absolute)"))
        return clock_nanosleep(CLOCK_MONOTONIC, TIMER_ABSTIME, &monotonic, NULL);
    if (!strcmp(call, "select"))
        return select(0, NULL, NULL, NULL, &limit);
    if (!strcmp(call, "pselect"))
        return pselect(0, NULL, NULL, NULL, &second, none);
    if (!strcmp(call, "ppoll"))
        return ppoll(NULL, 0, &second, none);
    if (!strcmp(call, "sem_timedwait"))
        return sem_timedwait(&semaphore, &real) == 0 || errno != ETIMEDOUT;
    return -2;
}

/* Those whose rest nobody knows. */
static long wait_and_forget(const char *call)
{
    struct timespec second = { seconds, 0 }, monotonic = soon(CLOCK_MONOTONIC);
    struct epoll_event event;
    struct sembuf down = { 0, -1, 0 };
    sigset_t set;
    static int word;

    sigemptyset(&set);
    if (!strcmp(call, "usleep"))
        return usleep((unsigned)seconds * 1000000);
    if (!strcmp(call, "nanosleep"))
        return nanosleep(&second, NULL);
    if (!strcmp(call, "poll"))
        return poll(NULL, 0, seconds * 1000);
    if (!strcmp(call, "epoll_wait"))
        return epoll_wait(epoll_create1(0), &event, 1, seconds * 1000);
    if (!strcmp(call, "sigtimedwait"))
        return sigtimedwait(&set, NULL, &second);
    if (!strcmp(call, "semtimedop"))
        return semtimedop(id = semget(IPC_PRIVATE, 1, 0600), &down, 1, &second);
    if (!strcmp(call, "syscall"))
        return syscall(SYS_futex, &word, FUTEX_WAIT_BITSET, 0, &monotonic, NULL, FUTEX_BITSET_MATCH_ANY);
    return -2;
}

static void tell(long result, int error, struct timespec start)
{
    struct timespec now;

    clock_gettime(CLOCK_MONOTONIC, &now);
    now.tv_sec -= start.tv_sec + (now.tv_nsec < start.tv_nsec);
    dprintf(1, "%ld %s rang %d early %d\n", result, result == -1 ? strerrorname_np(error) : "-", rang, now.tv_sec < seconds);
    if (id != 0 && semctl(id, 0, IPC_RMID) != 0)
        msgctl(id, IPC_RMID, NULL);
}

int main(int argc, char **argv)
{
    struct sigaction action = { .sa_handler = on_alarm };
    struct timespec start;
    sigset_t none;
    long result;

    sigemptyset(&none);
    if (argc > 4 && !strcmp(argv[4], "mask"))
        sigaddset(&none, SIGUSR2);
    else if (argc > 4)
        sigfillset(&action.sa_mask);
    if (argc > 4 && !strcmp(argv[4], "once"))
        action.sa_flags = (int)SA_RESETHAND;
    sigaction(SIGALRM, &action, NULL);
    sigaction(SIGUSR1, &action, NULL);
    fifo = open(argv[2], O_RDWR);
    seconds = atoi(argv[3]);
    clock_gettime(CLOCK_MONOTONIC, &start);
    dprintf(1, "ready\n");
    errno = 0;
    result = wait_for_ever(argv[1], &none);
    if (result == -2)
        result = wait_for_seconds(argv[1], &none);
    if (result == -2)
        result = wait_and_forget(argv[1]);
    tell(result, errno, start);
    return 0;
}
