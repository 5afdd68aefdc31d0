/* memory.c: a pattern in each kind of memory: initialized and zeroed data, heap, a large mapping, a read-only
 * mapping, a deep stack. After the gate each is looked through. No libc when it goes on. */
#include "program.h"

#include <stdlib.h>
#include <sys/mman.h>

#define WORDS (1 << 17) /* 1 MiB each */

static uint64_t data[WORDS] = { 1 }, zeroed[WORDS];

static void fill(uint64_t *words, uint64_t seed)
{
    for (uint64_t i = 0; i < WORDS; i++)
        words[i] = mix(seed, i);
}

static void look(const char *what, const uint64_t *words, uint64_t seed)
{
    unsigned good = 0;

    for (uint64_t i = 0; i < WORDS; i++)
        good += words[i] == mix(seed, i);
    say_number(what, good);
}

static uint64_t *new_mapping(void)
{
    return mmap(NULL, WORDS * 8, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
}

__attribute__((noinline)) static void with_a_deep_stack(uint64_t seed)
{
    uint64_t words[WORDS];

    fill(words, seed);
    gate(1);
    look("stack", words, seed);
}

int main(void)
{
    START();
    uint64_t seed = draw(), *heap = malloc(WORDS * 8), *mapped = new_mapping(), *fixed = new_mapping();

    if (!heap || mapped == MAP_FAILED || fixed == MAP_FAILED)
        abort();
    fill(data, seed), fill(zeroed, seed + 1), fill(heap, seed + 2), fill(mapped, seed + 3), fill(fixed, seed + 4);
    mprotect(fixed, WORDS * 8, PROT_READ);
    with_a_deep_stack(seed + 5);
    look("data", data, seed), look("zeroed", zeroed, seed + 1), look("heap", heap, seed + 2);
    look("mapped", mapped, seed + 3), look("fixed", fixed, seed + 4);
    return finish();
}
