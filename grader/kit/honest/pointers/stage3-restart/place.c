//@ step 3.1
    const struct range *a = own, *const a_end = own + own_count;
    const struct image_region *b = coming, *const b_end = coming + coming_count;
    uint64_t hole = PLACE_LOWEST;
    for (;;) { /* merge the two lists: whichever begins first is the next neighbour */
        bool from_a = a < a_end && (b == b_end || a->start <= b->start);
        bool none = a == a_end && b == b_end;
        uint64_t start = none ? ARCH_USER_END : from_a ? a->start : b->start, end = start;
        if (start >= hole && start - hole >= size)
            return hole;
        if (none)
            return 0;
        end = from_a ? a++->end : b++->end;
        if (end > hole)
            hole = end;
    }
//@ end
//@ replace
#include "arch.h"
//@ with
#include "arch.h"

#include <stdbool.h>
//@ end
