/* places.c: place_find() of the student's place.c, asked for room between regions that are drawn here: of each
 * answer it says what is wrong.  Linked with place.o.
 *
 *     own       what restart has: a wall, with gaps        coming    what the image has: another one
 *
 * The gaps of both at once are few; some are a page too small. Within regions of the image restart has pages of its own,
 * and below PLACE_LOWEST there is room. Behind each list is a page without access. */
#include "place.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#define PAGE ((unsigned long)sysconf(_SC_PAGESIZE))
#ifdef __aarch64__
#define USER_END 0x1000000000000
#else
#define USER_END 0x7ffffffff000
#endif
#define MOST 64
#define ROOM (4 * PAGE) /* for a list */

static struct range own[MOST];
static struct image_region coming[MOST];

static unsigned long draw(unsigned long below)
{
    return (unsigned long)random() % below;
}

/* A few pages between two addresses. */
static size_t scatter(struct range *to, uint64_t at, uint64_t end)
{
    size_t count = 0;

    for (; at + PAGE < end && count < 3; at += PAGE * (2 + draw(4)))
        to[count++] = (struct range){ at, at + PAGE };
    return count;
}

/* Pages that both have, from the lowest place on; then nothing for a while, and then all the rest. */
static size_t build(int number, uint64_t size, size_t *coming_count)
{
    size_t count = 1, n = 1;
    uint64_t at = 256 * PAGE;

    own[0] = (struct range){ PAGE, 2 * PAGE };
    coming[0] = (struct image_region){ .start = PAGE, .end = 2 * PAGE };
    for (int i = 0; i < 12; i++) {
        uint64_t end = i == 0 ? PLACE_LOWEST + PAGE * draw(90) : at + PAGE * (1 + draw(60));
        if (draw(2))
            own[count++] = (struct range){ at, end };
        else {
            coming[n++] = (struct image_region){ .start = at, .end = end };
            count += scatter(own + count, at + size, end);
        }
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
    if (place < PLACE_LOWEST)
        return "lies below PLACE_LOWEST";
    for (size_t i = 0; i < count; i++)
        if (meets(place, size, own[i].start, own[i].end))
            return "meets restart's own memory";
    for (size_t i = 0; i < n; i++)
        if (meets(place, size, coming[i].start, coming[i].end))
            return "meets a region of the image";
    return "is free";
}

/* A copy of a list, which ends where nothing can be read. */
static const void *walled(const void *list, size_t size)
{
    char *room = mmap(NULL, ROOM + PAGE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

    if (room == MAP_FAILED || mprotect(room + ROOM, PAGE, PROT_NONE) != 0)
        exit(71);
    return memcpy(room + ROOM - size, list, size);
}

static uint64_t found(size_t count, size_t n, uint64_t size)
{
    return place_find(walled(own, count * sizeof *own), count, walled(coming, n * sizeof *coming), n, size);
}

int main(void)
{
    for (int number = 0; number < 200; number++) {
        size_t n, count;
        uint64_t size = PAGE * (8 + (unsigned)number % 20);

        srandom((unsigned)number + 1);
        count = build(number, size, &n);
        printf("place %d: %s\n", number, verdict(found(count, n, size), size, count, n));
    }
    own[0] = (struct range){ PAGE, USER_END - PAGE };
    printf("last place: %s\n", found(1, 0, PAGE) == USER_END - PAGE ? "is free" : "found nothing, and there is room");
    own[0] = (struct range){ PAGE, USER_END };
    printf("no place: %s\n", found(1, 0, PAGE) == 0 ? "none" : "there is none, and one was found");
    return 0;
}
