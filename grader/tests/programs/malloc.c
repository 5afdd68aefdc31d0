/* malloc.c: small blocks (brk) and large ones (mmap), before and after. */
#include "program.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define SMALL 2000

static char *blocks[2 * SMALL];
static char *large[4];

static void take(int from, int to)
{
    for (int i = from; i < to; i++) {
        blocks[i] = malloc(900);
        memset(blocks[i], i & 127, 900);
    }
}

static int check_and_free(int from, int to)
{
    int good = 0;

    for (int i = from; i < to; i++) {
        good += blocks[i][0] == (i & 127) && blocks[i][899] == (i & 127);
        free(blocks[i]);
    }
    return good;
}

static void take_large(int from, int to)
{
    for (int i = from; i < to; i++) {
        large[i] = malloc(3 << 20);
        memset(large[i], 'A' + i, 3 << 20);
    }
}

int main(void)
{
    START();
    take(0, SMALL);
    take_large(0, 2);
    char *before = sbrk(0);
    say("brk is set");
    gate(1);
    say("brk kept %d", before == (char *)sbrk(0));
    take(SMALL, 2 * SMALL);
    take_large(2, 4);
    say("brk grew %d", (char *)sbrk(0) > before);
    say("small %d", check_and_free(0, 2 * SMALL));
    for (int i = 0; i < 4; i++)
        say("large %c", large[i][(3 << 20) - 1]), free(large[i]);
    return finish();
}
