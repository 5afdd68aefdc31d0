/* privatefile.c: a private mapping of FILE (3 pages of 'a', 'b', 'c'), whose
 * second page is changed in memory; and another mapping of it, only read. */
#include "program.h"

#include <fcntl.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

int main(int argc, char **argv)
{
    START();
    int fd = open(argc > 1 ? argv[1] : "/proc/self/exe", O_RDONLY);
    char *base = mmap(NULL, 3 * 4096, PROT_READ | PROT_WRITE, MAP_PRIVATE, fd, 0);
    char *same = mmap(NULL, 3 * 4096, PROT_READ, MAP_PRIVATE, fd, 0);

    close(fd);
    if (base == MAP_FAILED || same == MAP_FAILED)
        return 1;
    memset(base + 4096, 'X', 4096);
    say("base %p", (void *)base);
    gate(1);
    say("file %c%c%c %c", base[0], base[4096 + 9], base[2 * 4096 + 4095], same[4096 + 9]);
    return finish();
}
