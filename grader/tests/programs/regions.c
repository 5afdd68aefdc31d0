/* regions.c: N regions of one page, no two neighbours alike; no libc when it goes on. */
#include "program.h"

#include <stdlib.h>
#include <sys/mman.h>
#include <unistd.h>

int main(int argc, char **argv)
{
    START();
    int count = argc > 1 ? atoi(argv[1]) : 5000, good = 0;
    size_t page = (size_t)sysconf(_SC_PAGESIZE);
    char *base = mmap(NULL, (size_t)count * page, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

    for (int i = 0; i < count; i++)
        *(int *)(base + (size_t)i * page) = i * 7 + 1;
    for (int i = 0; i < count; i += 2)
        if (mprotect(base + (size_t)i * page, page, PROT_READ))
            say_text("no region");
    gate(1);
    for (int i = 0; i < count; i++)
        good += *(int *)(base + (size_t)i * page) == i * 7 + 1;
    say_number("regions", (unsigned)good);
    return finish();
}
