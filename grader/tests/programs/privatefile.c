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
    size_t page = (size_t)sysconf(_SC_PAGESIZE);
    char *base = mmap(NULL, 3 * page, PROT_READ | PROT_WRITE, MAP_PRIVATE, fd, 0);
    char *same = mmap(NULL, 3 * page, PROT_READ, MAP_PRIVATE, fd, 0);

    close(fd);
    if (base == MAP_FAILED || same == MAP_FAILED)
        return 1;
    memset(base + page, 'X', page);
    say("base %p", (void *)base);
    gate(1);
    say("file %c%c%c %c", base[0], base[page + 9], base[3 * page - 1], same[page + 9]);
    return finish();
}
