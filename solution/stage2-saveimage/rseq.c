/* rseq.c - finds glibc's rseq area.  Given. */
#include "rseq.h"
#include "arch.h"
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
    struct rseq_place place = {0, 0};
    if (&__rseq_size == NULL || __rseq_size == 0)
        return place;
    unsigned long align = getauxval(AUX_RSEQ_ALIGN);
    unsigned long size = getauxval(AUX_RSEQ_FEATURE_SIZE);
    if (align != 0)
        size = (size + align - 1) / align * align;
    /* Not __rseq_size: that is the size that is in use (20), and the kernel wants what was registered. */
    place.size = size > 32 ? (uint32_t)size : 32;
    place.address = arch_get_tls() + (uint64_t)__rseq_offset;
    return place;
}
