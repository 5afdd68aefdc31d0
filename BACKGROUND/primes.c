/* primes.c: prints the prime numbers, and gets slower and slower. A program to checkpoint.
 *
 *     primes [HOW_MANY]
 *
 * It computes all the time, so a checkpoint takes it between any two instructions.
 * Into a file or a pipe, printf does not print at once: part of the output waits
 * in memory, in stdio's buffer, and must come back with a restart.
 */
#include <stdio.h>
#include <stdlib.h>

static int is_prime(long n)
{
    for (long d = 2; d * d <= n; d++)
        if (n % d == 0)
            return 0;
    return n > 1;
}

int main(int argc, char **argv)
{
    long how_many = argc > 1 ? atol(argv[1]) : 1000000;

    for (long n = 2, found = 0; found < how_many; n++) {
        if (is_prime(n)) {
            printf("%ld\n", n);
            found++;
        }
    }
    return 0;
}
