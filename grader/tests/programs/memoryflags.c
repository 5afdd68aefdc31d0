/* memoryflags.c: what a program tells about its memory: madvise(2), mlock(2), PR_SET_VMA.  The grader sees the flags
 * in /proc/PID/smaps.  With an argument: mlockall(MCL_FUTURE), too. */
#define _GNU_SOURCE
#include "program.h"

#include <stdint.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <unistd.h>

#define PAGES 16 /* of 64 KiB */
#define PAGE 65536

#ifndef PR_SET_VMA
#define PR_SET_VMA 0x53564d41
#endif

static const int advice[] = { MADV_HUGEPAGE, MADV_NOHUGEPAGE, MADV_SEQUENTIAL, MADV_RANDOM,
                              MADV_DONTFORK, MADV_DONTDUMP, MADV_WIPEONFORK, MADV_MERGEABLE };

int main(int argc, char **argv)
{
    START();
    char *base = mmap(NULL, PAGES * PAGE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    char *name = base + 14 * PAGE;
    int named;

    (void)argv;
    memset(base, 1, 12 * PAGE);
    for (unsigned i = 0; i < sizeof advice / sizeof *advice; i++)
        madvise(base + i * PAGE, PAGE, advice[i]);
    madvise(base + 8 * PAGE, PAGE, MADV_HUGEPAGE);
    madvise(base + 8 * PAGE, 2 * PAGE, MADV_DONTDUMP);
    mlock(base + 9 * PAGE, 2 * PAGE);
    mlock2(base + 11 * PAGE, PAGE, MLOCK_ONFAULT);
    mprotect(base + 12 * PAGE, PAGE, PROT_NONE);
    mlock(base + 12 * PAGE, PAGE);
    named = prctl(PR_SET_VMA, 0, name, PAGE, "the name") == 0;
    if (argc > 1)
        mlockall(MCL_FUTURE);
    say("named %d", named);
    gate(1);
    if (argc > 1) {
        char *later = mmap(NULL, PAGE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
        unsigned char present = 0;
        mincore(later, 4096, &present);
        say("later %d", present & 1);
    }
    gate(2);
    return finish();
}
