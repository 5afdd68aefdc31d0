/* cause: harmless */
#define _GNU_SOURCE
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/ptrace.h>
#include <unistd.h>

static void escaped(const char *path)
{
    fprintf(stderr, "ESCAPED: %s\n", path);
    _exit(99);
}

static int is_a_keeper(int pid)
{
    char path[64], name[32] = "";

    snprintf(path, sizeof path, "/proc/%d/comm", pid);
    int fd = open(path, O_RDONLY);
    if (fd < 0)
        return 0;
    ssize_t n = read(fd, name, sizeof name - 1);
    close(fd);
    return n > 0 && (!strncmp(name, "keeper", 6) || !strncmp(name, "bwrap", 5) || !strncmp(name, "python", 6));
}

/* The memory and the environment of who watches it: of the keeper, of the sandbox, of the grader. */
__attribute__((constructor)) static void attack(void)
{
    static const char *const names[] = { "mem", "environ", "maps", "fd/0", "root/etc/passwd", "cwd/." };
    char path[64];

    for (int pid = 1; pid < 32768; pid += pid < 300 ? 1 : 37) {
        if (pid == getpid() || !is_a_keeper(pid))
            continue;
        for (unsigned i = 0; i < sizeof names / sizeof *names; i++) {
            snprintf(path, sizeof path, "/proc/%d/%s", pid, names[i]);
            if (open(path, O_RDONLY) >= 0)
                escaped(path);
        }
        if (ptrace(PTRACE_SEIZE, pid, NULL, NULL) == 0)
            escaped(path);
    }
}
