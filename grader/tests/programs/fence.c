/* fence.c: a guard page, which nobody may read, between two pages. No libc when it goes on. */
#include "program.h"

#include <stdlib.h>
#include <sys/mman.h>

int main(void)
{
    START();
    char *pages = mmap(NULL, 3 * 4096, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

    if (pages == MAP_FAILED || mprotect(pages + 4096, 4096, PROT_NONE))
        abort();
    pages[0] = 'a', pages[3 * 4096 - 1] = 'z';
    gate(1);
    say_text(pages[0] == 'a' && pages[3 * 4096 - 1] == 'z' ? "both sides are there" : "a side is lost");
    return finish();
}
