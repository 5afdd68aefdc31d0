/* rseq.c - finds glibc's rseq area.  Given. */
#include "rseq.h"
#include "sys.h"

#include <sys/auxv.h>

/* <sys/rseq.h> of glibc 2.35; weak, so that an older libc simply has none. */
extern const ptrdiff_t __rseq_offset __attribute__((weak));
extern const unsigned int __rseq_size __attribute__((weak));

/*
 * libc does not tell with which size it has registered the area: 32, as long as it knows no more; or what the
 * kernel has (from Linux 7.0 on, that is more), perhaps rounded up.  The kernel tells: to register it again is
 * EBUSY with that size alone.
 */
struct rseq_place rseq_find(void)
{
    uint64_t i = 0, has = getauxval(27), align = getauxval(28); /* AT_RSEQ_FEATURE_SIZE, _ALIGN: Linux 6.3 */
    uint64_t sizes[] = {32, has, round_up(has > 32 ? has : 32, align != 0 ? align : 32)};
    if (&__rseq_size == NULL || __rseq_size == 0)
        return (struct rseq_place){0};
    uint64_t at = arch_get_tls() + (uint64_t)__rseq_offset;
    while (i < 2 && sys_call(SYS_rseq, (long)at, (long)sizes[i], 0, ARCH_RSEQ_SIGNATURE) != -EBUSY)
        i++;
    return (struct rseq_place){at, (uint32_t)sizes[i], (uint64_t)&__rseq_offset};
}
