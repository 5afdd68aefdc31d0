/*
 * mem.c - the functions of <string.h> that code without libc needs.  The compiler itself calls memcpy
 * and memset (to copy a struct, say), so they must exist wherever libc does not.  Given.
 */
#include <stddef.h>
#include <string.h>

/* Keeps the compiler from seeing "a loop that is memset" and calling memset, which is us. */
#define KEEP_THE_LOOP() __asm__ volatile("" ::: "memory")

void *memcpy(void *restrict to, const void *restrict from, size_t size)
{
    for (size_t i = 0; i < size; i++) {
        ((char *)to)[i] = ((const char *)from)[i];
        KEEP_THE_LOOP();
    }
    return to;
}

void *memset(void *to, int byte, size_t size)
{
    for (size_t i = 0; i < size; i++) {
        ((char *)to)[i] = (char)byte;
        KEEP_THE_LOOP();
    }
    return to;
}

/* Towards lower addresses copy from the left, towards higher ones from the right: they may overlap. */
void *memmove(void *to, const void *from, size_t size)
{
    if ((char *)to <= (const char *)from)
        return memcpy(to, from, size);
    for (size_t i = size; i > 0; i--) {
        ((char *)to)[i - 1] = ((const char *)from)[i - 1];
        KEEP_THE_LOOP();
    }
    return to;
}

int memcmp(const void *a, const void *b, size_t size)
{
    const unsigned char *x = a, *y = b;
    for (size_t i = 0; i < size; i++)
        if (x[i] != y[i])
            return x[i] - y[i];
    return 0;
}

size_t strlen(const char *s)
{
    size_t n = 0;
    while (s[n] != '\0') {
        n++;
        KEEP_THE_LOOP();
    }
    return n;
}

int strcmp(const char *a, const char *b)
{
    while (*a != '\0' && *a == *b) {
        a++;
        b++;
    }
    return (unsigned char)*a - (unsigned char)*b;
}

int strncmp(const char *a, const char *b, size_t size)
{
    for (size_t i = 0; i < size; i++)
        if (a[i] != b[i] || a[i] == '\0')
            return (unsigned char)a[i] - (unsigned char)b[i];
    return 0;
}
