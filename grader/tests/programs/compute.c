/* compute.c: floating point, malloc and libc's memory functions, without a rest; one line, the result.
 * usage: compute ROUNDS */
#include "program.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#define SIZE (1 << 20)

int main(int argc, char **argv)
{
    START();
    unsigned char *a = malloc(SIZE), *b = malloc(SIZE);
    long rounds = argc > 1 ? atol(argv[1]) : 100;
    double sum = 0;
    unsigned hash = 1;

    for (long round = 1; round <= rounds; round++) {
        for (int i = 1; i < 2000; i++)
            sum += sin((double)i * (double)round) * sqrt((double)i);
        memset(a, (int)(round & 255), SIZE);
        memcpy(b, a, SIZE);
        for (int i = 1; i < 50; i++) {
            char *block = malloc((size_t)(i * round % 100000));
            free(block);
        }
        for (int i = 0; i < 1000; i++)
            hash = hash * 31 + b[i * 997 % SIZE];
    }
    say("result %.12f %u", sum, hash);
    return finish();
}
