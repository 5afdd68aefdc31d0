/* cause: harmless */
#include <fcntl.h>
#include <stdio.h>
#include <unistd.h>

/* What who started this program had open: the keeper's socket, the grader's files. */
__attribute__((constructor)) static void attack(void)
{
    for (int fd = 3; fd < 4096; fd++)
        if (fcntl(fd, F_GETFD) >= 0) {
            char path[64], target[256] = "";
            snprintf(path, sizeof path, "/proc/self/fd/%d", fd);
            if (readlink(path, target, sizeof target - 1) < 0)
                continue;
            fprintf(stderr, "ESCAPED: descriptor %d is %s\n", fd, target);
            _exit(99);
        }
}
