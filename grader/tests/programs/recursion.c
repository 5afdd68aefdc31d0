/* recursion.c: a gate deep in a recursion, the way back, and then a deeper
 * recursion, for which the stack has to grow by several MiB. */
#include "program.h"

static uint64_t expected, found;

__attribute__((noinline)) static void dive(int depth, int with_gate)
{
    volatile uint64_t frame[64];

    for (int i = 0; i < 64; i++)
        frame[i] = mix((uint64_t)depth, (uint64_t)i);
    if (depth > 0)
        dive(depth - 1, with_gate);
    else if (with_gate)
        gate(1);
    for (int i = 0; i < 64; i++)
        found += frame[i], expected += mix((uint64_t)depth, (uint64_t)i);
}

int main(void)
{
    START();
    dive(1000, 1); /* about 0.6 MiB */
    say("shallow %d", found == expected);
    dive(9000, 0); /* about 5 MiB */
    say("deep %d", found == expected);
    return finish();
}
