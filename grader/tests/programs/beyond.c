/* beyond.c: a private mapping of three pages of FILE, which has one.  The
 * pages behind the file's end cannot be read, not even by write(). */
#include "program.h"

#include <fcntl.h>
#include <sys/mman.h>
#include <unistd.h>

int main(int argc, char **argv)
{
    START();
    int fd = open(argc > 1 ? argv[1] : "/proc/self/exe", O_RDONLY);
    size_t page = (size_t)sysconf(_SC_PAGESIZE);
    char *base = mmap(NULL, 3 * page, PROT_READ | PROT_WRITE, MAP_PRIVATE, fd, 0);

    close(fd);
    if (base == MAP_FAILED)
        return 1;
    base[1] = 'X';
    gate(1);
    say("file %c%c%c", base[0], base[1], base[page - 1]);
    return finish();
}
