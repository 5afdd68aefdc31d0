/*
 * shuffle.c - a program for test_live.py that changes what is mapped all the time, and knows what each page must hold.
 *
 *     shuffle STEPS
 *
 * Pages are written to, moved to and fro, one by one and together, thrown away, forbidden and allowed, mapped anew, and
 * given to a child of fork(2).  `want` is what the first word of each page must be.  At each tenth of its way it prints
 * how many were not.
 */
#define _GNU_SOURCE
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#define PAGE 4096UL
#define PAGES 1200UL
#define LARGEST 40UL

static char *base;
static uint64_t want[PAGES], luck = 1, wrong;

static uint64_t draw(uint64_t below)
{
    luck = (luck + 0x1234567) * 0x9E3779B97F4A7C15;
    luck ^= luck >> 29;
    return (luck >> 20) % below;
}

static volatile uint64_t *word(uint64_t page)
{
    return (volatile uint64_t *)(base + page * PAGE); // NOLINT
}

static void look(uint64_t page)
{
    wrong += *word(page) != want[page];
}

static void map_anew(uint64_t page, uint64_t count)
{
    mmap(base + page * PAGE, count * PAGE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED, -1, 0);
    for (uint64_t i = page; i < page + count; i++)
        want[i] = 0;
}

static void write_some(void)
{
    for (int i = 0; i < 100; i++) {
        uint64_t page = draw(PAGES);
        look(page);
        *word(page) = want[page] = luck;
    }
}

/*
 * Where it was there is fresh memory, or, if it is left mapped (Linux 5.7), pages of zeros.  More than one region is
 * moved by some kernels, by some not, and by some not while it is tracked; what was at `to` is gone in any case.
 */
static void move(uint64_t from, uint64_t to, uint64_t count, int flags)
{
    if (from + count > to && to + count > from)
        return;
    if (mremap(base + from * PAGE, count * PAGE, count * PAGE, MREMAP_MAYMOVE | MREMAP_FIXED | flags,
               base + to * PAGE) == MAP_FAILED) {
        map_anew(from, count);
        map_anew(to, count);
        return;
    }
    for (uint64_t i = 0; i < count; i++) {
        want[to + i] = want[from + i];
        want[from + i] = 0;
    }
    if (flags == 0)
        map_anew(from, count);
}

static void move_one_by_one(uint64_t from, uint64_t to, uint64_t count)
{
    for (uint64_t i = 0; i < count; i++)
        move(from + i, to + i, 1, 0);
}

static void throw_away(uint64_t page, uint64_t count)
{
    if (madvise(base + page * PAGE, count * PAGE, MADV_DONTNEED) == 0)
        for (uint64_t i = page; i < page + count; i++)
            want[i] = 0;
}

static void forbid_and_allow(uint64_t page, uint64_t count)
{
    mprotect(base + page * PAGE, count * PAGE, PROT_NONE);
    mprotect(base + page * PAGE, count * PAGE, PROT_READ | PROT_WRITE);
    look(page);
}

static void share_with_child(void)
{
    pid_t child = fork();
    if (child == 0)
        _exit(0);
    write_some();
    waitpid(child, NULL, 0);
}

static void change_map(uint64_t step)
{
    uint64_t page = draw(PAGES - LARGEST), to = (page + PAGES / 2) % (PAGES - LARGEST), count = 1 + draw(LARGEST - 1);
    switch (draw(8)) {
    case 0: case 1: move_one_by_one(page, to, count); break;
    case 2: move(page, to, count, 0); break;
    case 3: move(page, to, count, MREMAP_DONTUNMAP); break;
    case 4: throw_away(page, count); break;
    case 5: forbid_and_allow(page, count); break;
    case 6: map_anew(page, count); break;
    default: if (step % 50 == 0) share_with_child();
    }
}

int main(int argc, char **argv)
{
    uint64_t steps = argc > 1 ? strtoull(argv[1], NULL, 10) : 1000;
    base = mmap(NULL, PAGES * PAGE, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    map_anew(0, PAGES);
    for (uint64_t step = 1; step <= steps; step++) {
        write_some();
        change_map(step);
        if (step % (steps / 10) == 0) {
            printf("%lu: %016lx, wrong: %lu\n", step, luck, wrong);
            fflush(stdout);
        }
    }
    for (uint64_t page = 0; page < PAGES; page++)
        look(page);
    printf("end, wrong: %lu\n", wrong);
}
