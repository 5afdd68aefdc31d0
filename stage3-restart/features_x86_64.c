/*
 * features_x86_64.c - which instructions this processor has, and which of them libc uses: arch_platform.h.  Given.
 *
 * Sources: Intel's manual, volume 2, cpuid; the x86-64 psABI, 3.1.1, for the levels; glibc,
 * sysdeps/x86_64/multiarch/ifunc-*.h and sysdeps/x86/dl-trampoline.h, for what it chooses by.
 */
#include "arch_platform.h"

#include <cpuid.h>
#include <stddef.h>
#include <string.h>

/* The leaves of cpuid, and where glibc has the same four registers: CPUID_INDEX_* of <sys/platform/x86.h>. */
enum { LEAF_1, LEAF_7, LEAF_7_1, LEAF_D_1, LEAF_8_1, LEAVES };
static const struct { uint32_t leaf, sub; unsigned libc; } leaves[LEAVES] = {
    {1, 0, 0}, {7, 0, 1}, {7, 1, 5}, {0xd, 1, 3}, {0x80000001, 0, 2},
};
enum { EAX, EBX, ECX, EDX };
enum { AVX = 2, AVX512 = 7, AMX = 18, LIBC = 1 };

#define LINKER_SAVES 0x800e8UL /* the parts beyond AVX: MPX, AVX-512, APX (glibc, STATE_SAVE_MASK) */

/* Append only. */
static const struct arch_feature features[] = {
    {"pni", LEAF_1, ECX, 0, 2, 0, 0}, /* SSE3 */
    {"ssse3", LEAF_1, ECX, 9, 2, LIBC, 0},
    {"cx16", LEAF_1, ECX, 13, 2, 0, 0},
    {"sse4_1", LEAF_1, ECX, 19, 2, LIBC, 0},
    {"sse4_2", LEAF_1, ECX, 20, 2, LIBC, 0},
    {"popcnt", LEAF_1, ECX, 23, 2, LIBC, 0},
    {"lahf_lm", LEAF_8_1, ECX, 0, 2, 0, 0},
    {"xsave", LEAF_1, ECX, 27, 3, 0, 0}, /* OSXSAVE */
    {"avx", LEAF_1, ECX, 28, 3, LIBC, AVX},
    {"avx2", LEAF_7, EBX, 5, 3, LIBC, AVX},
    {"fma", LEAF_1, ECX, 12, 3, LIBC, AVX},
    {"f16c", LEAF_1, ECX, 29, 3, 0, AVX},
    {"movbe", LEAF_1, ECX, 22, 3, LIBC, 0},
    {"bmi1", LEAF_7, EBX, 3, 3, LIBC, 0},
    {"bmi2", LEAF_7, EBX, 8, 3, LIBC, 0},
    {"abm", LEAF_8_1, ECX, 5, 3, LIBC, 0}, /* LZCNT */
    {"avx512f", LEAF_7, EBX, 16, 4, LIBC, AVX512},
    {"avx512dq", LEAF_7, EBX, 17, 4, LIBC, AVX512},
    {"avx512cd", LEAF_7, EBX, 28, 4, LIBC, AVX512},
    {"avx512bw", LEAF_7, EBX, 30, 4, LIBC, AVX512},
    {"avx512vl", LEAF_7, EBX, 31, 4, LIBC, AVX512},
    {"rtm", LEAF_7, EBX, 11, 0, LIBC, 0},
    {"fma4", LEAF_8_1, ECX, 16, 0, LIBC, AVX},
    {"xsavec", LEAF_D_1, EAX, 1, 0, LIBC, 0},
    {"aes", LEAF_1, ECX, 25, 0, 0, 0},
    {"pclmulqdq", LEAF_1, ECX, 1, 0, 0, 0},
    {"rdrand", LEAF_1, ECX, 30, 0, 0, 0},
    {"rdseed", LEAF_7, EBX, 18, 0, 0, 0},
    {"adx", LEAF_7, EBX, 19, 0, 0, 0},
    {"sha_ni", LEAF_7, EBX, 29, 0, 0, 0},
    {"gfni", LEAF_7, ECX, 8, 0, 0, 0},
    {"vaes", LEAF_7, ECX, 9, 0, 0, AVX},
    {"vpclmulqdq", LEAF_7, ECX, 10, 0, 0, AVX},
    {"avx_vnni", LEAF_7_1, EAX, 4, 0, 0, AVX},
    {"avx_ifma", LEAF_7_1, EAX, 23, 0, 0, AVX},
    {"avx512ifma", LEAF_7, EBX, 21, 0, 0, AVX512},
    {"avx512vbmi", LEAF_7, ECX, 1, 0, 0, AVX512},
    {"avx512_vbmi2", LEAF_7, ECX, 6, 0, 0, AVX512},
    {"avx512_vnni", LEAF_7, ECX, 11, 0, 0, AVX512},
    {"avx512_bitalg", LEAF_7, ECX, 12, 0, 0, AVX512},
    {"avx512_vpopcntdq", LEAF_7, ECX, 14, 0, 0, AVX512},
    {"avx512_bf16", LEAF_7_1, EAX, 5, 0, 0, AVX512},
    {"avx512_fp16", LEAF_7, EDX, 23, 0, 0, AVX512},
    {"amx_bf16", LEAF_7, EDX, 22, 0, 0, AMX},
    {"amx_tile", LEAF_7, EDX, 24, 0, 0, AMX},
    {"amx_int8", LEAF_7, EDX, 25, 0, 0, AMX},
    {"sse4a", LEAF_8_1, ECX, 6, 0, 0, 0},
    {"xop", LEAF_8_1, ECX, 11, 0, 0, AVX},
    {"tbm", LEAF_8_1, ECX, 21, 0, 0, 0},
    {"3dnowprefetch", LEAF_8_1, ECX, 8, 0, 0, 0},
    {"waitpkg", LEAF_7, ECX, 5, 0, 0, 0},
    {"sha512", LEAF_7_1, EAX, 0, 0, 0, AVX},
};
#define FEATURES (sizeof features / sizeof *features)

const struct arch_feature *arch_feature(unsigned i)
{
    return i < FEATURES ? &features[i] : NULL;
}

static void set(struct arch_features *to, unsigned i, bool on)
{
    uint64_t bit = 1UL << i % 64;
    to->bits[i / 64] = on ? to->bits[i / 64] | bit : to->bits[i / 64] & ~bit;
}

void arch_features_read(struct arch_features *to)
{
    uint32_t regs[LEAVES][4] = {{0}};
    struct arch_vectors vectors;
    arch_vectors_read(&vectors);
    for (unsigned i = 0; i < LEAVES; i++) { /* a leaf that the processor has not stays 0 */
        uint32_t *r = regs[i];
        __get_cpuid_count(leaves[i].leaf, leaves[i].sub, &r[EAX], &r[EBX], &r[ECX], &r[EDX]);
    }
    *to = (struct arch_features){0};
    for (unsigned i = 0; i < FEATURES; i++) {
        const struct arch_feature *f = &features[i];
        bool usable = f->part == 0 || (vectors.present & (1UL << f->part));
        set(to, i, usable && (regs[f->leaf][f->reg] >> f->bit & 1));
    }
}

/* <sys/platform/x86.h> of glibc 2.33: cpuid's registers, and the same with what libc uses alone. */
struct cpuid_feature {
    uint32_t cpuid[4], active[4];
};
extern const struct cpuid_feature *__x86_get_cpuid_feature_leaf(unsigned leaf) __attribute__((weak));

void arch_features_bound(struct arch_features *to, unsigned level)
{
    if (__x86_get_cpuid_feature_leaf == NULL)
        return;
    for (unsigned i = 0; i < FEATURES; i++) {
        const struct arch_feature *f = &features[i];
        const struct cpuid_feature *libc = __x86_get_cpuid_feature_leaf(leaves[f->leaf].libc);
        bool of_level = f->level != 0 && f->level <= level;
        bool used = f->by_libc && libc != NULL && (libc->active[f->reg] >> f->bit & 1);
        if (!of_level && !used)
            set(to, i, false);
    }
}

static bool has_named(const struct arch_features *has, const char *name)
{
    unsigned i = 0;
    while (i < FEATURES && strcmp(features[i].name, name) != 0)
        i++;
    return i < FEATURES && arch_has(has, i);
}

bool arch_linker_has_room(const struct arch_features *then, const struct arch_vectors *vectors_then)
{
    struct arch_vectors here;
    arch_vectors_read(&here);
    return (here.present & ~vectors_then->present & LINKER_SAVES) == 0 || !has_named(then, "xsave") ||
           has_named(then, "xsavec");
}

unsigned arch_level(const struct arch_features *has)
{
    unsigned level = 4;
    for (unsigned i = 0; i < FEATURES; i++)
        if (features[i].level != 0 && features[i].level <= level && !arch_has(has, i))
            level = features[i].level - 1U;
    return level;
}
