/* cause: harmless */
#include <fcntl.h>
#include <stdio.h>
#include <sys/file.h>
#include <unistd.h>

static void take(const char *path)
{
    int fd = open(path, O_RDONLY | O_NONBLOCK);

    if (fd < 0)
        return;
    if (flock(fd, LOCK_EX | LOCK_NB) == 0) {
        fprintf(stderr, "ESCAPED: the lock %s\n", path);
        _exit(99);
    }
    close(fd);
}

/* The locks by which graders share a machine. Who may read a file may lock it, and all others would wait. */
__attribute__((constructor)) static void attack(void)
{
    static const char *const shops[] = { "../../../..", "../../..", "../.." };
    char path[256];

    for (int i = 0; i < 40; i++) {
        snprintf(path, sizeof path, "/tmp/ckptlab-users/%d", 61184 + i);
        take(path);
        for (unsigned k = 0; k < sizeof shops / sizeof *shops; k++) {
            snprintf(path, sizeof path, "%s/slots/%d", shops[k], i);
            take(path);
        }
    }
    for (unsigned k = 0; k < sizeof shops / sizeof *shops; k++) {
        snprintf(path, sizeof path, "%s/lock", shops[k]);
        take(path);
        snprintf(path, sizeof path, "%s/programs/.lock", shops[k]);
        take(path);
    }
}
