/* place.c - finds room that is free in two address spaces. */
#include "place.h"
#include "arch.h"

/*
 * Two sorted lists, one candidate.  Whatever overlaps the candidate pushes it up to its own end:
 *
 *     own       [####]        [###]
 *     coming       [######]            [#########]
 *     candidate |->  |->   |->     [ fits ]
 */
uint64_t place_find(const struct range *own, size_t own_count, const struct image_region *coming,
                    size_t coming_count, uint64_t size)
{
    //@ step 3.1 Find room for the restorer.
    //@ The simplest that works for most programs: return one fixed address that you have seen no program use,
    //@ say 0x10000000000. Better, by a point: look for a gap, as the picture shows, so that no program and
    //@ no randomisation of addresses can ever be in the way.
    //@ stub: (void)own, (void)own_count, (void)coming, (void)coming_count, (void)size;
    //@ stub: return 0;
    uint64_t candidate = PLACE_LOWEST;
    size_t i = 0, j = 0;
    while (candidate + size <= ARCH_USER_END) {
        while (i < own_count && own[i].end <= candidate)
            i++;
        while (j < coming_count && coming[j].end <= candidate)
            j++;
        if (i < own_count && own[i].start < candidate + size)
            candidate = own[i].end;
        else if (j < coming_count && coming[j].start < candidate + size)
            candidate = coming[j].end;
        else
            return candidate;
    }
    return 0;
    //@ end
}
