/* parse_names.c: linked with a student's parser, to see what readmaps' output
 * hides: the bytes of each name, as hexadecimal digits, and the answers. Behind its buffer nothing is mapped. */
#define _GNU_SOURCE
#include "maps.h"

#include <fcntl.h>
#include <stdio.h>
#include <sys/mman.h>
#include <unistd.h>

int main(int argc, char **argv)
{
    size_t page = (size_t)sysconf(_SC_PAGESIZE), room = (MAPS_BUFFER_SIZE + page - 1) / page * page;
    char *pages = mmap(NULL, room + page, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    char *buffer = pages + room - MAPS_BUFFER_SIZE;
    struct maps_reader reader;
    struct region region;
    int fd = open(argc > 1 ? argv[1] : "/proc/self/maps", O_RDONLY), got;

    if (pages == MAP_FAILED || mprotect(pages + room, page, PROT_NONE) != 0)
        return 1;
    maps_start(&reader, fd, buffer, MAPS_BUFFER_SIZE);
    while ((got = maps_next(&reader, &region)) == 1) {
        printf("name ");
        for (const char *c = region.name; *c; c++)
            printf("%02x", (unsigned char)*c);
        printf(" deleted %d file %d\n", region_is_deleted(&region), region_has_file(&region));
    }
    printf("end %d\n", got);
    return 0;
}
