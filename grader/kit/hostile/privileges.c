/* cause: harmless */
#include <fcntl.h>
#include <sched.h>
#include <stdio.h>
#include <string.h>
#include <sys/resource.h>
#include <unistd.h>

static void escaped(const char *what)
{
    fprintf(stderr, "ESCAPED: %s\n", what);
    _exit(99);
}

static void look_at_status(void)
{
    char text[4096] = "";
    int fd = open("/proc/self/status", O_RDONLY);

    if (fd < 0 || read(fd, text, sizeof text - 1) <= 0)
        return;
    close(fd);
    if (!strstr(text, "CapEff:\t0000000000000000") || !strstr(text, "NoNewPrivs:\t1"))
        escaped(text);
}

/* Rights of root's, and to be served before all others. */
__attribute__((constructor)) static void attack(void)
{
    struct sched_param first = { .sched_priority = 50 };
    struct rlimit more = { RLIM_INFINITY, RLIM_INFINITY };
    int fd = open("/proc/self/oom_score_adj", O_WRONLY);

    look_at_status();
    if (setuid(0) == 0 || setgid(0) == 0)
        escaped("it is root");
    if (setpriority(PRIO_PROCESS, 0, -10) == 0 || sched_setscheduler(0, SCHED_FIFO, &first) == 0)
        escaped("it comes first");
    if (setrlimit(RLIMIT_NPROC, &more) == 0 || setrlimit(RLIMIT_CPU, &more) == 0)
        escaped("it has no limits");
    if (fd >= 0 && write(fd, "-1000", 5) == 5)
        escaped("others are killed for it");
    close(fd);
}
