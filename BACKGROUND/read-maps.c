/* read-maps.c: a process reads the list of its own memory, and changes nothing by it.
 *
 * When you read /proc/self/maps, the kernel writes one line for each region of
 * memory that the process has at that moment. A reader that asks for memory
 * while it reads (read-maps-broken.c) changes the very list that it reads.
 * This one puts the text into arrays that were there before main began.
 */
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

enum { ROOM = 1 << 18 };

static char first[ROOM], second[ROOM];

/* One read() gives a page of text or less, never all of it: call until it gives 0. */
static void read_maps(char *text)
{
    int fd = open("/proc/self/maps", O_RDONLY);
    size_t used = 0;
    ssize_t got;

    while ((got = read(fd, text + used, ROOM - 1 - used)) > 0)
        used += (size_t)got;
    text[used] = '\0';
    close(fd);
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
    read_maps(first);
    read_maps(second);

    /* printf asks for memory too, but by now the reading is done. */
    fputs(first, stdout);
    int changed = only_in(first, second, '-') + only_in(second, first, '+');
    printf("read twice: %d lines differ\n", changed);
    return changed != 0;
}
