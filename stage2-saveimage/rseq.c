/* rseq.c - finds glibc's rseq area.  Given. */
#include "rseq.h"
#include "sys.h"

#include <sys/auxv.h>

/* getauxval(3) types of Linux 6.3 and later; older headers lack them. */
#define AUX_RSEQ_FEATURE_SIZE 27
#define AUX_RSEQ_ALIGN 28

/* <sys/rseq.h> of glibc 2.35; weak, so that an older libc simply has none. */
extern const ptrdiff_t __rseq_offset __attribute__((weak));
extern const unsigned int __rseq_size __attribute__((weak));

struct rseq_place rseq_find(void)
{
    unsigned long align = getauxval(AUX_RSEQ_ALIGN), size = getauxval(AUX_RSEQ_FEATURE_SIZE);
    if (&__rseq_size == NULL || __rseq_size == 0)
        return (struct rseq_place){0};
    /* Not __rseq_size: that is the size that is in use (20), and the kernel wants what was registered. */
    size = round_up(size > 32 ? size : 32, align != 0 ? align : 32);
    return (struct rseq_place){arch_get_tls() + (uint64_t)__rseq_offset, (uint32_t)size, (uint64_t)&__rseq_offset};
}
