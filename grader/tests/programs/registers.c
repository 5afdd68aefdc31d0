/* registers.c: all general registers and all vector registers, live across
 * the gate; see registers.S. */
#include "program.h"

#include <string.h>

struct registers {
    uint64_t general[10], padding[6];
    uint64_t vector[16][4];
};

void hold_xmm(const char *path, const void *in, void *out);
#ifdef __x86_64__
void hold_ymm(const char *path, const void *in, void *out);
#define IS_WIDE (__builtin_cpu_supports("avx") != 0)
#else
#define hold_ymm hold_xmm
#define IS_WIDE  0
#endif

static int equal_vectors(const struct registers *a, const struct registers *b, int words)
{
    int good = 0;

    for (int i = 0; i < 16; i++)
        good += memcmp(a->vector[i], b->vector[i], (size_t)words * 8) == 0;
    return good;
}

int main(void)
{
    START();
    struct registers in, out;
    int avx = IS_WIDE, good = 0;

    memset(&out, 0, sizeof out);
    for (size_t i = 0; i < sizeof in / 8; i++)
        ((uint64_t *)&in)[i] = draw();
    say("gate 01");
    (avx ? hold_ymm : hold_xmm)(gate_path(1), &in, &out);
    for (int i = 0; i < 10; i++)
        good += in.general[i] == out.general[i];
    say("general %d of 10", good);
    say("vector %d of 16", equal_vectors(&in, &out, avx ? 4 : 2));
    return finish();
}
