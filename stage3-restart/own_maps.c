/* own_maps.c - reads restart's own address space, with the parser of stage 1.  Given. */
#include "own_maps.h"
#include "maps.h"
#include "libc.h"

bool own_maps_read(struct own_maps *maps)
{
    static char buffer[MAPS_BUFFER_SIZE];
    struct maps_reader reader;
    struct region r;
    int got = -1, fd = open("/proc/self/maps", O_RDONLY | O_CLOEXEC);
    maps->count = maps->move_count = 0;
    maps_start(&reader, fd, buffer, sizeof buffer);
    while (maps->count < MAX_OWN_REGIONS && maps->move_count < MAX_KERNEL_MOVES &&
           (got = maps_next(&reader, &r)) == 1 && r.start < ARCH_USER_END) {
        maps->ranges[maps->count++] = (struct range){r.start, r.end};
        if (region_plan(&r) != PLAN_KERNEL)
            continue;
        struct kernel_move *move = &maps->moves[maps->move_count++];
        *move = (struct kernel_move){.from = r.start, .size = r.end - r.start};
        snprintf(move->name, sizeof move->name, "%s", r.name);
    }
    close(fd);
    return got == 0 || (got == 1 && r.start >= ARCH_USER_END); /* [vsyscall], the last, is in every process */
}
