/* large.c: one mapping of MIB mebibytes, of which one page in every STEP
 * kibibytes is written (and the last one). */
#include "program.h"

#include <stdlib.h>
#include <sys/mman.h>

int main(int argc, char **argv)
{
    START();
    size_t size = (size_t)(argc > 1 ? atol(argv[1]) : 2200) << 20;
    size_t every = (size_t)(argc > 2 ? atol(argv[2]) : 4) << 10;
    uint64_t seed = draw(), good = 0, all = 0;
    char *base = mmap(NULL, size, PROT_READ | PROT_WRITE,
                      MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);

    if (base == MAP_FAILED) {
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
    return finish();
}
