/* parse_names.c: linked with a student's parser, to see what readmaps' output
 * hides: the bytes of each name, as hexadecimal digits, and the answers. */
#include "maps.h"

#include <fcntl.h>
#include <stdio.h>
#include <unistd.h>

int main(int argc, char **argv)
{
    static char buffer[MAPS_BUFFER_SIZE];
    struct maps_reader reader;
    struct region region;
    int fd = open(argc > 1 ? argv[1] : "/proc/self/maps", O_RDONLY), got;

    maps_start(&reader, fd, buffer, sizeof buffer);
    while ((got = maps_next(&reader, &region)) == 1) {
        printf("name ");
        for (const char *c = region.name; *c; c++)
            printf("%02x", (unsigned char)*c);
        printf(" deleted %d file %d\n", region_is_deleted(&region), region_has_file(&region));
    }
    printf("end %d\n", got);
    return 0;
}
