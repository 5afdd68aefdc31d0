/* text.c - messages and numbers without libc. */
#include "text.h"
#include "sys.h"

#include <stdarg.h>

const char *text_number(char to[TEXT_NUMBER_SIZE], uint64_t value, unsigned base)
{
    char *at = to + TEXT_NUMBER_SIZE - 1;
    *at = '\0';
    do
        *--at = "0123456789abcdef"[value % base];
    while ((value /= base) != 0);
    return at;
}

static size_t join(char *to, size_t size, const char *string, va_list more)
{
    size_t length = 0;
    for (; string != NULL; string = va_arg(more, const char *))
        for (; *string != '\0' && length < size - 1; string++)
            to[length++] = *string;
    to[length] = '\0';
    return length;
}

size_t text_join(char *to, size_t size, const char *first, ...)
{
    va_list more;
    va_start(more, first);
    size_t length = join(to, size, first, more);
    va_end(more);
    return length;
}

void say(const char *first, ...)
{
    char line[1024];
    va_list more;
    va_start(more, first);
    size_t length = join(line, sizeof line - 1, first, more);
    va_end(more);
    line[length++] = '\n';
    sys_write(2, line, length);
}
