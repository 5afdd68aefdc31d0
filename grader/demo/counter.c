/*
 * counter SEED TICKS - counts, five numbers a second, and ends with exit status 42.
 *
 * It keeps a part of its state in each kind of memory. Each line shows a number that is made of all
 * of them and of the line before, so that a program that lost any of it goes on wrongly.
 */
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

static unsigned in_data = 1;
static __thread unsigned in_tls = 2;

static unsigned mix(unsigned state, unsigned more)
{
    return (state ^ more) * 2654435761u + 1;
}

int main(int argc, char **argv)
{
    unsigned *in_heap = malloc(sizeof *in_heap);
    unsigned on_stack = argc > 1 ? strtoul(argv[1], NULL, 10) : 0;
    int ticks = argc > 2 ? atoi(argv[2]) : 20;

    *in_heap = 3;
    setvbuf(stdout, NULL, _IOLBF, 0);
    for (int tick = 1; tick <= ticks; tick++) {
        in_data = mix(in_data, on_stack);
        in_tls = mix(in_tls, in_data);
        *in_heap = mix(*in_heap, in_tls);
        on_stack = mix(on_stack, *in_heap);
        printf("tick %2d   %08x\n", tick, on_stack);
        usleep(200000);
    }
    free(in_heap);
    return 42;
}
