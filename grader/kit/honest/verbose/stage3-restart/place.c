//@ top
#include <stdbool.h>

/* If the place overlaps a region of restart, returns the end of that region; otherwise returns the place. */
static uint64_t my_move_behind_own(uint64_t place, uint64_t size, const struct range *own, size_t own_count)
{
    size_t i;
    for (i = 0; i < own_count; i = i + 1) {
        bool ends_before = place + size <= own[i].start;
        bool begins_after = place >= own[i].end;
        if (!ends_before && !begins_after) {
            return own[i].end;
        }
    }
    return place;
}

/* The same for the regions of the image. */
static uint64_t my_move_behind_coming(uint64_t place, uint64_t size, const struct image_region *coming,
                                      size_t coming_count)
{
    size_t i;
    for (i = 0; i < coming_count; i = i + 1) {
        bool ends_before = place + size <= coming[i].start;
        bool begins_after = place >= coming[i].end;
        if (!ends_before && !begins_after) {
            return coming[i].end;
        }
    }
    return place;
}
//@ end
//@ step 3.1
    uint64_t place = PLACE_LOWEST;
    bool it_was_moved = true;
    while (it_was_moved) {
        uint64_t old_place = place;
        place = my_move_behind_own(place, size, own, own_count);
        place = my_move_behind_coming(place, size, coming, coming_count);
        it_was_moved = (place != old_place);
    }
    if (place + size > ARCH_USER_END) {
        return 0; /* there is no room at all */
    }
    return place;
//@ end
