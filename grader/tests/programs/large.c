/* large.c: one mapping of MIB mebibytes, of which one page in every STEP
 * kibibytes is written (and the last one). Behind it are a few pages of a file,
 * and memory that is never touched: who writes, or reads, too much meets them. */
#include "program.h"

#include <fcntl.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <unistd.h>

#define PAGES_OF_FILE (sysconf(_SC_PAGESIZE) > 16 << 10 ? sysconf(_SC_PAGESIZE) : 16 << 10)
#define BEHIND        (1 << 20)

static int is_untouched(const char *from, const char *end)
{
    while (from < end && *from == 0)
        from++;
    return from == end;
}

static int map_file(char *at)
{
    int fd = open("/proc/self/exe", O_RDONLY | O_CLOEXEC);
    char *got = mmap(at, (size_t)PAGES_OF_FILE, PROT_READ, MAP_PRIVATE | MAP_FIXED, fd, 0);

    close(fd);
    return got == at;
}

int main(int argc, char **argv)
{
    START();
    size_t size = (size_t)(argc > 1 ? atol(argv[1]) : 2200) << 20;
    size_t every = (size_t)(argc > 2 ? atol(argv[2]) : 4) << 10;
    uint64_t seed = draw(), good = 0, all = 0;
    char *base = mmap(NULL, size + BEHIND, PROT_READ | PROT_WRITE,
                      MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);

    if (base == MAP_FAILED || !map_file(base + size)) {
        say("no memory");
        return finish();
    }
    for (size_t at = 0; at < size; at += every)
        *(uint64_t *)(base + at) = mix(seed, at);
    *(uint64_t *)(base + size - 4096) = mix(seed, size);
    gate(1);
    for (size_t at = 0; at < size; at += every, all++)
        good += *(uint64_t *)(base + at) == mix(seed, at == size - 4096 ? size : at);
    say("large %d", good == all && *(uint64_t *)(base + size - 4096) == mix(seed, size));
    say("behind %d", is_untouched(base + size + PAGES_OF_FILE, base + size + BEHIND));
    return finish();
}
