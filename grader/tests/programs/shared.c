/* shared.c: one writable MAP_SHARED region, of FILE or without a file. */
#include "program.h"

#include <fcntl.h>
#include <sys/mman.h>
#include <unistd.h>

int main(int argc, char **argv)
{
    START();
    int fd = argc > 1 ? open(argv[1], O_RDWR) : -1;
    int flags = MAP_SHARED | (fd < 0 ? MAP_ANONYMOUS : 0);
    char *base = mmap(NULL, 4096, PROT_READ | PROT_WRITE, flags, fd, 0);

    close(fd);
    base[0] = 1;
    gate(1);
    say("shared %d", base[0]);
    return finish();
}
