/*
 * clocks.c - reads all clocks through the vdso, and compares each with what a system call says.
 *
 *     clocks gate           does so for each line that it reads, and says "all fine" or what is wrong
 *     clocks loop FILE      reads one clock all the time, until FILE is there; "all fine" if it never went back
 *     clocks nested         from a handler that has interrupted the vdso, and will return there, says "inside", and
 *                           reads one line; then "all fine"
 */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <sched.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/auxv.h>
#include <sys/syscall.h>
#include <sys/time.h>
#include <time.h>
#include <ucontext.h>
#include <unistd.h>

static long long number(const struct timespec *t)
{
    return t->tv_sec * 1000000000LL + t->tv_nsec;
}

static long long by_call(clockid_t clock)
{
    struct timespec now = {0, 0};
    syscall(SYS_clock_gettime, clock, &now);
    return number(&now);
}

static bool check(bool right, const char *what)
{
    if (!right)
        printf("wrong: %s\n", what);
    return right;
}

static bool check_clocks(void)
{
    static const clockid_t clocks[] = {CLOCK_REALTIME, CLOCK_MONOTONIC, CLOCK_BOOTTIME, CLOCK_PROCESS_CPUTIME_ID};
    bool right = true;
    for (size_t i = 0; i < sizeof clocks / sizeof *clocks; i++) {
        struct timespec now, step, step_by_call;
        long long before = by_call(clocks[i]);
        right &= check(clock_gettime(clocks[i], &now) == 0, "clock_gettime");
        right &= check(before <= number(&now) && number(&now) <= by_call(clocks[i]), "clock_gettime's time");
        syscall(SYS_clock_getres, clocks[i], &step_by_call);
        right &= check(clock_getres(clocks[i], &step) == 0 && number(&step) == number(&step_by_call), "clock_getres");
    }
    return right & check(clock_gettime(-1, NULL) == -1, "no such clock");
}

static bool check_others(void)
{
    struct timeval now;
    long long before = by_call(CLOCK_REALTIME) / 1000;
    bool right = check(gettimeofday(&now, NULL) == 0, "gettimeofday");
    right &= check(before <= now.tv_sec * 1000000LL + now.tv_usec &&
                   now.tv_sec * 1000000LL + now.tv_usec <= by_call(CLOCK_REALTIME) / 1000, "gettimeofday's time");
    time_t at = time(NULL);
    right &= check(at - now.tv_sec >= -1 && at - now.tv_sec <= 60, "time");
    int cpu = sched_getcpu();
    return right & check(cpu >= 0 && cpu < 4096, "getcpu");
}

/* How large a state is (0 or -ENOSYS), and 16 bytes with a state, or without one. */
static void show_random(void)
{
    typedef long (*get)(void *buffer, size_t size, unsigned flags, void *state, size_t state_size);
    void *vdso = dlopen("linux-vdso.so.1", RTLD_LAZY | RTLD_NOLOAD);
    get random = vdso == NULL ? NULL : (get)dlsym(vdso, "__vdso_getrandom");
    char bytes[16] = "", state[1024] = "";
    if (random == NULL)
        return;
    printf("getrandom: state %ld, ", random(NULL, 0, 0, state, ~0UL));
    printf("bytes %ld", random(bytes, sizeof bytes, 0, NULL, 0));
    printf("%s, ", memcmp(bytes, state + 512, sizeof bytes) != 0 ? "" : " none");
}

static int at_gate(void)
{
    char line[64];
    puts("ready");
    while (read(0, line, sizeof line) > 0) {
        bool right = check_clocks() & check_others();
        show_random();
        puts(right ? "all fine" : "not right");
    }
    return 0;
}

static int loop(const char *file)
{
    struct timespec last, now;
    clock_gettime(CLOCK_MONOTONIC, &last);
    puts("ready");
    do {
        for (int i = 0; i < 20000; i++, last = now)
            if (clock_gettime(CLOCK_MONOTONIC, &now) != 0 || number(&now) < number(&last))
                return puts("wrong: it went back") < 0;
    } while (access(file, F_OK) != 0);
    return puts("all fine") < 0;
}

static volatile sig_atomic_t done;

static void on_alarm(int signal, siginfo_t *info, void *context)
{
    char line[64];
    unsigned long at = ((ucontext_t *)context)->uc_mcontext.gregs[REG_RIP] - getauxval(AT_SYSINFO_EHDR);
    if (at >= 8192)
        return;
    ssize_t got = write(1, "inside\n", 7);
    while (got > 0 && read(0, line, sizeof line) < 0)
        ;
    done = 1;
}

static int nested(void)
{
    struct sigaction action = {.sa_sigaction = on_alarm, .sa_flags = SA_SIGINFO | SA_RESTART};
    struct itimerval often = {{0, 1000}, {0, 1000}}, never = {{0, 0}, {0, 0}};
    struct timespec now;
    sigaction(SIGALRM, &action, NULL);
    setitimer(ITIMER_REAL, &often, NULL);
    while (!done)
        clock_gettime(CLOCK_MONOTONIC, &now);
    setitimer(ITIMER_REAL, &never, NULL);
    return puts("all fine") < 0;
}

int main(int argc, char **argv)
{
    setvbuf(stdout, NULL, _IOLBF, 0);
    if (argc == 3 && strcmp(argv[1], "loop") == 0)
        return loop(argv[2]);
    return argc == 2 && strcmp(argv[1], "nested") == 0 ? nested() : at_gate();
}
