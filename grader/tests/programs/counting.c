/* counting.c: the homework's own example: count, for ever or to LAST. */
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

int main(int argc, char **argv)
{
    int last = argc > 1 ? atoi(argv[1]) : 0;

    for (int i = 1; last == 0 || i <= last; i++) {
        printf("%d ", i);
        fflush(stdout);
        usleep(last ? 2000 : 1000000);
    }
    printf("\n");
    return 0;
}
