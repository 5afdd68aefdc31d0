/*
 * fprintf.c - the first example of the README of 2005 (shared/seeds): numbers to a file, through stdio's buffer.
 *
 *     fprintf FILE NUMBER [SECONDS]        FILE "-": stderr
 *
 * It sleeps (2 seconds, if none are named) behind each number, so there is time for a core.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

static void rest(double seconds)
{
    struct timespec time = {(time_t)seconds, (long)((seconds - (double)(time_t)seconds) * 1e9)};

    nanosleep(&time, NULL);
}

int main(int argc, char **argv)
{
    FILE *out = argc < 3 ? NULL : strcmp(argv[1], "-") == 0 ? stderr : fopen(argv[1], "w");

    if (out == NULL) {
        fprintf(stderr, "Usage: fprintf FILE NUMBER [SECONDS]\n");
        return 64;
    }
    for (int i = 1; i <= atoi(argv[2]); i++) {
        fprintf(out, "%d\n", i);
        rest(argc > 3 ? atof(argv[3]) : 2);
    }
    return fclose(out) != 0;
}
