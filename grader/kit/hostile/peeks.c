/* cause: harmless */
#define _GNU_SOURCE
#include <dirent.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/ptrace.h>
#include <sys/uio.h>
#include <unistd.h>

static void try(int pid, const char *name)
{
    char path[300];

    snprintf(path, sizeof path, "/proc/%d/%s", pid, name);
    if (open(path, O_RDONLY) >= 0) {
        fprintf(stderr, "ESCAPED: opened %s\n", path);
        _exit(99);
    }
}

/* The memory and the environment of all processes that are not its own: the keeper's, the grader's. */
__attribute__((constructor)) static void attack(void)
{
    DIR *folder = opendir("/proc");

    for (struct dirent *entry; folder && (entry = readdir(folder));) {
        int pid = atoi(entry->d_name);
        if (pid <= 0 || pid == getpid())
            continue;
        try(pid, "mem");
        try(pid, "environ");
        try(pid, "maps");
        if (ptrace(PTRACE_SEIZE, pid, NULL, NULL) == 0) {
            fprintf(stderr, "ESCAPED: traces %d\n", pid);
            _exit(99);
        }
    }
    if (folder)
        closedir(folder);
}
