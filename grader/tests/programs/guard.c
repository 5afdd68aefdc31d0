/* guard.c: guard pages, a page without access that has content, and a
 * read-only page that was written before. */
#include "program.h"

#include <stdio.h>
#include <sys/mman.h>
#include <unistd.h>

#define PAGE ((size_t)sysconf(_SC_PAGESIZE))

int main(void)
{
    START();
    char *base = mmap(NULL, 8 * PAGE, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    uint64_t hidden = draw(), locked = draw();

    mprotect(base + 2 * PAGE, 3 * PAGE, PROT_READ | PROT_WRITE);
    *(uint64_t *)(base + 2 * PAGE) = hidden;
    *(uint64_t *)(base + 4 * PAGE) = locked;
    mprotect(base + 2 * PAGE, PAGE, PROT_NONE);
    mprotect(base + 4 * PAGE, PAGE, PROT_READ);
    say("base %p", (void *)base);
    gate(1);
    say("locked %d", *(uint64_t *)(base + 4 * PAGE) == locked);
    mprotect(base + 2 * PAGE, PAGE, PROT_READ);
    say("hidden %d", *(uint64_t *)(base + 2 * PAGE) == hidden);
    return finish();
}
