/* vectors_x86_64.c - which vector registers this processor has: arch_platform.h.  No libc.  Given. */
#include "arch_platform.h"
#include "sys.h"

#include <cpuid.h>

#define XSAVE_LEAF 0xd
#define OSXSAVE (1U << 27) /* leaf 1, ecx: the kernel has made the instruction xgetbv work */

static uint64_t read_xcr0(void)
{
    uint32_t low, high;
    __asm__("xgetbv" : "=a"(low), "=d"(high) : "c"(0));
    return (uint64_t)high << 32 | low;
}

static void read_parts(struct arch_vectors *to)
{
    uint32_t a, b, c, d;
    *to = (struct arch_vectors){.present = 3};
    __cpuid(1, a, b, c, d);
    if (!(c & OSXSAVE))
        return;
    to->present = read_xcr0();
    for (unsigned i = 2; i < ARCH_PARTS; i++) {
        if (!(to->present & (1UL << i)))
            continue;
        __cpuid_count(XSAVE_LEAF, i, a, b, c, d);
        to->parts[i] = (struct arch_part){.offset = b, .size = a};
    }
}

/* A program may have asked for a signal in place of cpuid: arch_prctl(2), ARCH_SET_CPUID. */
void arch_vectors_read(struct arch_vectors *to)
{
    bool off = arch_syscall(SYS_arch_prctl, ARCH_CPUID_GET, 0, 0, 0, 0, 0) == 0;
    if (off)
        arch_syscall(SYS_arch_prctl, ARCH_CPUID_SET, 1, 0, 0, 0, 0);
    read_parts(to);
    if (off)
        arch_syscall(SYS_arch_prctl, ARCH_CPUID_SET, 0, 0, 0, 0, 0);
}
