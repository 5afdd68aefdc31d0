/* ledger.c: adds up numbers, and keeps everything in files. A program to checkpoint.
 *
 *     ledger [LAST [MILLISECONDS]]
 *
 * It reads 1 to LAST from the file ledger.in, which it makes first, and writes each
 * with the sum so far to ledger.out: odd numbers through one descriptor, even ones
 * through its duplicate. The sum is in no variable. It is in a file that has no
 * name, as programs keep what nobody else shall see.
 */
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

static int must(int fd, const char *name)
{
    if (fd < 0) {
        perror(name);
        exit(1);
    }
    return fd;
}

static void make_input(long last)
{
    FILE *in = fopen("ledger.in", "w");

    if (in == NULL)
        exit(1);
    for (long i = 1; i <= last; i++)
        fprintf(in, "%8ld\n", i);
    fclose(in);
}

static int open_nameless(void)
{
    int fd = must(open("ledger.sum", O_RDWR | O_CREAT | O_TRUNC, 0600), "ledger.sum");

    unlink("ledger.sum");
    return fd;
}

static long add_to(int sum, long number)
{
    long total = 0;

    if (pread(sum, &total, sizeof total, 0) < 0)
        perror("the sum");
    total += number;
    if (pwrite(sum, &total, sizeof total, 0) != sizeof total)
        perror("the sum");
    return total;
}

int main(int argc, char **argv)
{
    char line[32] = "";
    unsigned pause = argc > 2 ? (unsigned)atol(argv[2]) : 1000;

    make_input(argc > 1 ? atol(argv[1]) : 1000);
    int sum = open_nameless();
    int in = must(open("ledger.in", O_RDONLY), "ledger.in");
    int odd = must(open("ledger.out", O_WRONLY | O_CREAT | O_TRUNC, 0644), "ledger.out");
    int even = must(dup(odd), "dup");

    while (read(in, line, 9) == 9) {
        long number = atol(line);
        int length = snprintf(line, sizeof line, "%ld %ld\n", number, add_to(sum, number));
        if (write(number % 2 ? odd : even, line, (size_t)length) != length)
            perror("ledger.out");
        usleep(pause * 1000);
    }
    printf("the sum is %ld\n", add_to(sum, 0));
    return 0;
}
