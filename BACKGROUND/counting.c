/* counting.c: counts aloud. A program to checkpoint.
 *
 *     counting [LAST [MILLISECONDS]]
 *
 * The count is in a local variable, on the stack. After a restart it must go on
 * with the next number: not with 1, and not with a hole.
 */
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

int main(int argc, char **argv)
{
    long last = argc > 1 ? atol(argv[1]) : 1000;
    unsigned pause = argc > 2 ? (unsigned)atol(argv[2]) : 1000;

    for (long i = 1; i <= last; i++) {
        printf("%ld\n", i);
        fflush(stdout);
        usleep(pause * 1000);
    }
    return 0;
}
