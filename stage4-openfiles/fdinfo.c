/* fdinfo.c - lines of /proc/PID/fdinfo/N: a word, a colon, blanks, a number.  proc_pid_fdinfo(5).  No libc. */
#include "open_kind.h"

static unsigned digit(char c)
{
    if (c >= '0' && c <= '9')
        return (unsigned)(c - '0');
    return c >= 'a' && c <= 'f' ? (unsigned)(c - 'a') + 10 : 99;
}

uint64_t text_parse(const char **at, unsigned base)
{
    uint64_t value = 0;
    while (**at == ' ' || **at == '\t')
        ++*at;
    for (; digit(**at) < base; ++*at)
        value = value * base + digit(**at);
    return value;
}

bool fdinfo_number(const char *info, const char *key, unsigned base, uint64_t *value)
{
    size_t length = strlen(key);
    while (*info != '\0') {
        if (strncmp(info, key, length) == 0 && info[length] == ':') {
            info += length + 1;
            *value = text_parse(&info, base);
            return true;
        }
        while (*info != '\0' && *info++ != '\n')
            ;
    }
    return false;
}
