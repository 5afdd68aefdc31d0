/* places.c: place_find() of the student's place.c, asked for room between regions that are drawn here: of each
 * answer it says what is wrong.  Linked with place.o.
 *
 *     own       what restart has: a wall, with gaps        coming    what the image has: another one
 *
 * The gaps of both at once are few; some are a page too small. */
#include "place.h"

#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#define PAGE ((unsigned long)sysconf(_SC_PAGESIZE))
#ifdef __aarch64__
#define USER_END 0x1000000000000
#else
#define USER_END 0x7ffffffff000
#endif
#define MOST 40

static struct range own[MOST];
static struct image_region coming[MOST];

static unsigned long draw(unsigned long below)
{
    return (unsigned long)random() % below;
}

/* Pages that both have, from the lowest place on; then nothing for a while, and then all the rest. */
static size_t build(int number, uint64_t size, size_t *coming_count)
{
    size_t count = 0, n = 0;
    uint64_t at = PAGE;

    for (int i = 0; i < 12; i++) {
        uint64_t end = i == 0 ? PLACE_LOWEST + PAGE * draw(90) : at + PAGE * (1 + draw(60));
        if (draw(2))
            own[count++] = (struct range){ at, end };
        else
            coming[n++] = (struct image_region){ .start = at, .end = end };
        at = end + (i == 11 ? size : draw(3) ? PAGE * draw(3) : size - PAGE);
    }
    if (number % 2)
        own[count++] = (struct range){ at, USER_END };
    else
        coming[n++] = (struct image_region){ .start = at, .end = USER_END };
    *coming_count = n;
    return count;
}

static int meets(uint64_t place, uint64_t size, uint64_t start, uint64_t end)
{
    return place < end && start < place + size;
}

static const char *verdict(uint64_t place, uint64_t size, size_t count, size_t n)
{
    if (place == 0)
        return "found nothing, and there is room";
    if (place % PAGE != 0)
        return "is no multiple of the page size";
    for (size_t i = 0; i < count; i++)
        if (meets(place, size, own[i].start, own[i].end))
            return "meets restart's own memory";
    for (size_t i = 0; i < n; i++)
        if (meets(place, size, coming[i].start, coming[i].end))
            return "meets a region of the image";
    return "is free";
}

int main(void)
{
    for (int number = 0; number < 200; number++) {
        size_t n, count;
        uint64_t size = PAGE * (8 + (unsigned)number % 20);

        srandom((unsigned)number + 1);
        count = build(number, size, &n);
        printf("place %d: %s\n", number, verdict(place_find(own, count, coming, n, size), size, count, n));
    }
    own[0] = (struct range){ PAGE, USER_END };
    printf("no place: %s\n", place_find(own, 1, coming, 0, PAGE) == 0 ? "none" : "there is none, and one was found");
    return 0;
}
