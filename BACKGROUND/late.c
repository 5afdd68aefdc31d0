/*
 * late.c - a mistake that is found late.  Readings lie before a table of names; one reading too many goes behind
 * them, into the table, and the program dies of it much later, when a name is read.
 *
 * It takes a checkpoint before each round, if it runs under ckpt:  ckpt --keep 20 -o 'img.%n' ./late
 */
#include <stdio.h>
#include <string.h>

#define RING 8
#define NAMES 4

int ckpt_now(void) __attribute__((weak));

static struct {
    long ring[RING];
    const char *names[NAMES];
} station = {.names = {"north", "east", "south", "west"}};

/* Whoever counts the readings counts one too many in the fifth round. */
static void measure(int round)
{
    int count = RING + (round == 5);
    for (int i = 0; i < count; i++)
        station.ring[i] = round * 100 + i;
}

static unsigned long report(int round)
{
    return round == 9 ? strlen(station.names[0]) : 0;
}

int main(void)
{
    unsigned long length = 0;
    for (int round = 1; round < 10; round++) {
        if (ckpt_now != NULL)
            ckpt_now();
        measure(round);
        length += report(round);
    }
    printf("%lu\n", length);
}
