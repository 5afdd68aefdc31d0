/* read-maps-broken.c: BROKEN. The act of reading changes what is read.
 *
 * fopen() and malloc() ask the kernel for memory. A list of regions that was
 * made with their help is out of date before it is complete: a checkpoint made
 * from it misses a region, or tries to save one that is gone.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { ROOM = 1 << 18 };

/* BROKEN: both the stream and the text live in memory that is new. */
static char *read_maps(void)
{
    FILE *maps = fopen("/proc/self/maps", "r");
    char *text = malloc(ROOM);

    if (maps == NULL || text == NULL)
        exit(2);
    text[fread(text, 1, ROOM - 1, maps)] = '\0';
    fclose(maps);
    return text;
}

/* Print each line of `one` that `other` has not. How many were there? */
static int only_in(const char *one, const char *other, char mark)
{
    char line[4200];
    int count = 0;

    for (; *one; one += strlen(line)) {
        snprintf(line, sizeof line, "%.*s", (int)strcspn(one, "\n") + 1, one);
        if (strstr(other, line) == NULL) {
            printf("%c %s", mark, line);
            count++;
        }
    }
    return count;
}

int main(void)
{
    char *first = read_maps();
    char *second = read_maps();

    int changed = only_in(first, second, '-') + only_in(second, first, '+');
    printf("read twice: %d lines differ\n", changed);
    free(first);
    free(second);
    return changed != 0;
}
