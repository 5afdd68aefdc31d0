/* cause: harmless */
#define _GNU_SOURCE
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#ifndef SYS_pidfd_open
#define SYS_pidfd_open 434
#endif
#ifndef SYS_pidfd_getfd
#define SYS_pidfd_getfd 438
#endif

/* The open files of who started it, one by one out of their processes: the keeper's socket, by which programs are started and
 * their ends are told. */
__attribute__((constructor)) static void attack(void)
{
    for (int pid = 1; pid < 1 << 16; pid++) {
        if (pid == getpid() || (kill(pid, 0) && errno == ESRCH))
            continue;
        int process = (int)syscall(SYS_pidfd_open, pid, 0);
        for (int fd = 0; process >= 0 && fd < 64; fd++) {
            int got = (int)syscall(SYS_pidfd_getfd, process, fd, 0);
            struct stat what;
            if (got >= 0 && fstat(got, &what) == 0 && S_ISSOCK(what.st_mode)) {
                fprintf(stderr, "ESCAPED: descriptor %d of process %d\n", fd, pid);
                _exit(99);
            }
            if (got >= 0)
                close(got);
        }
        if (process >= 0)
            close(process);
    }
}
