/* fence.c: a guard page, which nobody may read, between two pages. No libc when it goes on. */
#include "program.h"

#include <stdlib.h>
#include <sys/mman.h>
#include <unistd.h>

int main(void)
{
    START();
    size_t page = (size_t)sysconf(_SC_PAGESIZE);
    char *pages = mmap(NULL, 3 * page, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

    if (pages == MAP_FAILED || mprotect(pages + page, page, PROT_NONE))
        abort();
    pages[0] = 'a', pages[3 * page - 1] = 'z';
    gate(1);
    say_text(pages[0] == 'a' && pages[3 * page - 1] == 'z' ? "both sides are there" : "a side is lost");
    return finish();
}
