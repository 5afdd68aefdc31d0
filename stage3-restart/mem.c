/*
 * mem.c - the functions of <string.h> that the restorer needs.  The compiler itself calls memcpy and
 * memset (to copy a struct, say), so they must exist where there is no libc.  Given.
 */
#include <stddef.h>
#include <string.h>

/* volatile: else the compiler sees "a loop that is memset" and calls memset, which is us. */

void *memcpy(void *restrict to, const void *restrict from, size_t size)
{
    for (size_t i = 0; i < size; i++)
        ((volatile char *)to)[i] = ((const char *)from)[i];
    return to;
}

void *memset(void *to, int byte, size_t size)
{
    for (size_t i = 0; i < size; i++)
        ((volatile char *)to)[i] = (char)byte;
    return to;
}

size_t strlen(const char *s)
{
    size_t n = 0;
    while (((const volatile char *)s)[n] != '\0')
        n++;
    return n;
}

int strncmp(const char *a, const char *b, size_t size)
{
    for (size_t i = 0; i < size; i++)
        if (a[i] != b[i] || a[i] == '\0')
            return (unsigned char)a[i] - (unsigned char)b[i];
    return 0;
}
