//@ top
static bool touches(uint64_t start, uint64_t end, uint64_t place, uint64_t size)
{
    return start < place + size && place < end;
}
//@ end
//@ replace
#include "arch.h"
//@ with
#include "arch.h"

#include <stdbool.h>
//@ end
//@ step 3.1
    /* The lowest free place begins at PLACE_LOWEST or where some region ends: try all of these, keep the least. */
    uint64_t best = 0;
    for (size_t k = 0; k < 1 + own_count + coming_count; k++) {
        uint64_t place = k == 0 ? PLACE_LOWEST : k <= own_count ? own[k - 1].end : coming[k - 1 - own_count].end;
        bool free = place >= PLACE_LOWEST && place + size <= ARCH_USER_END && (best == 0 || place < best);
        for (size_t i = 0; free && i < own_count; i++)
            free = !touches(own[i].start, own[i].end, place, size);
        for (size_t i = 0; free && i < coming_count; i++)
            free = !touches(coming[i].start, coming[i].end, place, size);
        if (free)
            best = place;
    }
    return best;
//@ end
