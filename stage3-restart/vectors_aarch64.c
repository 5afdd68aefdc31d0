/* vectors_aarch64.c - which vector registers this processor has, how wide: arch_platform.h.  No libc.  Given. */
#include "arch_platform.h"
#include "sys.h"

#define GET_SVE_LENGTH 51 /* PR_SVE_GET_VL, PR_SME_GET_VL of <linux/prctl.h>; in the lower 16 bits, bytes */
#define GET_SME_LENGTH 64

static void read_part(struct arch_vectors *to, unsigned part, long option)
{
    long length = arch_syscall(SYS_prctl, option, 0, 0, 0, 0, 0);
    if (length <= 0)
        return;
    to->present |= 1UL << part;
    to->parts[part].size = (uint32_t)length & 0xffff;
}

void arch_vectors_read(struct arch_vectors *to)
{
    *to = (struct arch_vectors){.present = 3};
    read_part(to, ARCH_PART_SVE, GET_SVE_LENGTH);
    read_part(to, ARCH_PART_SME, GET_SME_LENGTH);
}
