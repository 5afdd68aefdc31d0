/* primes.c: the homework's second example: the primes up to LAST. */
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

static int is_prime(int n)
{
    for (int i = 2; i * i <= n; i++)
        if (n % i == 0)
            return 0;
    return n > 1;
}

int main(int argc, char **argv)
{
    int last = argc > 1 ? atoi(argv[1]) : 1000000000;

    for (int n = 2; n <= last; n++)
        if (is_prime(n)) {
            printf("%d ", n);
            fflush(stdout);
            usleep(1000);
        }
    printf("\n");
    return 0;
}
