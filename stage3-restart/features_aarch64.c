/*
 * features_aarch64.c - which instructions this processor has: arch_platform.h.  Given.
 *
 * The kernel tells in the auxiliary vector (Documentation/arch/arm64/elf_hwcaps.rst).  Not among them: what
 * programs can use and not notice that it is missing (BTI; the signing of addresses, which is off: arch_aarch64.h).
 */
#include "arch_platform.h"

#include <stddef.h>
#include <sys/auxv.h>

/* Append only. */
static const struct arch_feature features[] = {
    {"fp", 0, 0}, {"asimd", 0, 1}, {"aes", 0, 3}, {"pmull", 0, 4}, {"sha1", 0, 5}, {"sha2", 0, 6},
    {"crc32", 0, 7}, {"atomics", 0, 8}, {"fphp", 0, 9}, {"asimdhp", 0, 10}, {"asimdrdm", 0, 12},
    {"jscvt", 0, 13}, {"fcma", 0, 14}, {"lrcpc", 0, 15}, {"dcpop", 0, 16}, {"sha3", 0, 17}, {"sm3", 0, 18},
    {"sm4", 0, 19}, {"asimddp", 0, 20}, {"sha512", 0, 21}, {"sve", 0, 22}, {"asimdfhm", 0, 23}, {"dit", 0, 24},
    {"uscat", 0, 25}, {"ilrcpc", 0, 26}, {"flagm", 0, 27}, {"sb", 0, 29}, {"dcpodp", 1, 0}, {"sve2", 1, 1},
    {"sveaes", 1, 2}, {"svepmull", 1, 3}, {"svebitperm", 1, 4}, {"svesha3", 1, 5}, {"svesm4", 1, 6},
    {"flagm2", 1, 7}, {"frint", 1, 8}, {"svei8mm", 1, 9}, {"svef32mm", 1, 10}, {"svef64mm", 1, 11},
    {"svebf16", 1, 12}, {"i8mm", 1, 13}, {"bf16", 1, 14}, {"rng", 1, 16}, {"sme", 1, 23}, {"wfxt", 1, 31},
    {"ebf16", 1, 32}, {"cssc", 1, 34}, {"sve2p1", 1, 36}, {"mops", 1, 43},
};
#define FEATURES (sizeof features / sizeof *features)

const struct arch_feature *arch_feature(unsigned i)
{
    return i < FEATURES ? &features[i] : NULL;
}

void arch_features_read(struct arch_features *to)
{
    const uint64_t words[2] = {getauxval(AT_HWCAP), getauxval(AT_HWCAP2)};
    *to = (struct arch_features){0};
    for (unsigned i = 0; i < FEATURES; i++)
        to->bits[i / 64] |= (words[features[i].word] >> features[i].bit & 1) << i % 64;
}

void arch_features_bound(struct arch_features *to, unsigned level)
{
}

bool arch_linker_has_room(const struct arch_features *then, const struct arch_vectors *vectors_then)
{
    return true;
}

unsigned arch_level(const struct arch_features *has)
{
    return 1;
}
