/* own_maps.c - reads restart's own address space, with the parser of stage 1.  Given. */
#include "own_maps.h"
#include "arch.h"
#include "maps.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#define MAX_OWN_REGIONS 1024

static int add(struct own_maps *maps, const struct region *region)
{
    if (region->start >= ARCH_USER_END)
        return 0;
    if (maps->count == MAX_OWN_REGIONS)
        return E2BIG;
    maps->ranges[maps->count++] = (struct range){region->start, region->end};
    if (region_plan(region) != PLAN_KERNEL)
        return 0;
    if (maps->kernel_count == MAX_KERNEL_REGIONS)
        return E2BIG;
    struct kernel_region *kernel = &maps->kernel[maps->kernel_count++];
    kernel->range = (struct range){region->start, region->end};
    snprintf(kernel->name, sizeof kernel->name, "%s", region->name);
    return 0;
}

int own_maps_read(struct own_maps *maps)
{
    static char buffer[MAPS_BUFFER_SIZE];
    struct maps_reader reader;
    struct region region;
    /* Allocated before the first line is read: malloc() changes what is being read. */
    *maps = (struct own_maps){.ranges = malloc(MAX_OWN_REGIONS * sizeof *maps->ranges)};
    int fd = open("/proc/self/maps", O_RDONLY | O_CLOEXEC);
    if (maps->ranges == NULL || fd < 0)
        return errno;
    maps_start(&reader, fd, buffer, sizeof buffer);
    int error = 0, got = 1;
    while (error == 0 && (got = maps_next(&reader, &region)) == 1)
        error = add(maps, &region);
    close(fd);
    return error != 0 ? error : -got;
}

void own_maps_free(struct own_maps *maps)
{
    free(maps->ranges);
    maps->ranges = NULL;
}
