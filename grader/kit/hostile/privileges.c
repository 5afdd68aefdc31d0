/* cause: harmless */
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

/* Rights of root's, and to be served before all others. */
__attribute__((constructor)) static void attack(void)
{
    struct sched_param first = { .sched_priority = 50 };
    struct rlimit more = { RLIM_INFINITY, RLIM_INFINITY };
    char line[256];
    FILE *file = fopen("/proc/self/status", "r");

    while (file && fgets(line, sizeof line, file))
        if ((strncmp(line, "CapEff:", 7) == 0 && strspn(line + 7, "\t0\n") != strlen(line + 7)) ||
            (strncmp(line, "NoNewPrivs:", 11) == 0 && !strchr(line, '1')))
            escaped(line);
    if (file)
        fclose(file);
    if (setuid(0) == 0 || setgid(0) == 0)
        escaped("it is root");
    if (setpriority(PRIO_PROCESS, 0, -10) == 0 || sched_setscheduler(0, SCHED_FIFO, &first) == 0)
        escaped("it comes first");
    if (setrlimit(RLIMIT_NPROC, &more) == 0 || setrlimit(RLIMIT_CPU, &more) == 0)
        escaped("it has no limits");
    file = fopen("/proc/self/oom_score_adj", "w");
    if (file && fputs("-1000", file) >= 0 && fclose(file) == 0)
        escaped("others are killed for it");
}
