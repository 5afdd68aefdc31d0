/*
 * copying.c - copies `in` to the end of `out` in pieces of many sizes, again and again until there is a file `enough`.
 *
 * test_remote.py runs it as a job of ckpt-shadow's, and moves it. Its last line: the bytes, and their Adler-32 (RFC 1950).
 */
#include <fcntl.h>
#include <stdio.h>
#include <unistd.h>

int main(void)
{
    char piece[64];
    unsigned long total = 0, low = 1, high = 0;
    int in = open("in", O_RDONLY), out = open("out", O_WRONLY | O_CREAT | O_APPEND, 0644);
    for (;;) {
        ssize_t n = read(in, piece, 1 + total % sizeof piece);
        if (n < 0 || write(out, piece, (size_t)n) != n)
            return 5;
        for (ssize_t i = 0; i < n; i++) {
            low = (low + (unsigned char)piece[i]) % 65521;
            high = (high + low) % 65521;
        }
        total += (size_t)n;
        if (n == 0 && access("enough", F_OK) == 0)
            break;
        if (n == 0 && lseek(in, 0, SEEK_SET) != 0)
            return 6;
    }
    printf("%lu %lu\n", total, high << 16 | low);
    return 0;
}
