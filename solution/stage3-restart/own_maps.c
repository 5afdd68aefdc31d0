/* own_maps.c - reads restart's own address space, with the parser of stage 1.  Given. */
#include "own_maps.h"
#include "arch.h"
#include "maps.h"
#include "libc.h"

static bool add(struct own_maps *maps, const struct region *region)
{
    if (region->start >= ARCH_USER_END)
        return true;
    if (maps->count == MAX_OWN_REGIONS || maps->move_count == MAX_KERNEL_MOVES)
        return false;
    maps->ranges[maps->count++] = (struct range){region->start, region->end};
    if (region_plan(region) == PLAN_KERNEL) {
        struct kernel_move *move = &maps->moves[maps->move_count++];
        *move = (struct kernel_move){.from = region->start, .size = region->end - region->start};
        snprintf(move->name, sizeof move->name, "%s", region->name);
    }
    return true;
}

bool own_maps_read(struct own_maps *maps)
{
    static char buffer[MAPS_BUFFER_SIZE];
    struct maps_reader reader;
    struct region region;
    bool fine = true;
    int got = -1, fd = open("/proc/self/maps", O_RDONLY | O_CLOEXEC);
    maps->count = maps->move_count = 0;
    maps_start(&reader, fd, buffer, sizeof buffer);
    while (fine && (got = maps_next(&reader, &region)) == 1)
        fine = add(maps, &region);
    close(fd);
    return fine && got == 0;
}
