/* out.c - the small printf of out.h. */
#include "out.h"
#include "sys.h"

#include <errno.h>
#include <stdarg.h>
#include <stdint.h>
#include <string.h>
#include <unistd.h>

void out_init(struct out *o, int fd)
{
    o->fd = fd;
    o->error = 0;
    o->length = 0;
}

int out_flush(struct out *o)
{
    size_t done = 0;
    while (o->fd >= 0 && done < o->length && o->error == 0) {
        long n = sys_write(o->fd, o->buf + done, o->length - done);
        if (n == -EINTR)
            continue;
        if (n < 0)
            o->error = (int)-n;
        else
            done += (size_t)n;
    }
    if (o->fd >= 0)
        o->length = 0;
    return -o->error;
}

static void put_char(struct out *o, char c)
{
    if (o->length == sizeof o->buf)
        out_flush(o);
    if (o->length < sizeof o->buf)
        o->buf[o->length++] = c;
}

static void put_text(struct out *o, const char *s, size_t width, bool left)
{
    size_t length = strlen(s);
    size_t padding = width > length ? width - length : 0;
    for (size_t i = 0; i < padding && !left; i++)
        put_char(o, ' ');
    for (size_t i = 0; i < length; i++)
        put_char(o, s[i]);
    for (size_t i = 0; i < padding && left; i++)
        put_char(o, ' ');
}

/* Builds the digits from the right, in a buffer that holds any 64-bit number padded to 31 places. */
static void put_number(struct out *o, uint64_t value, unsigned base, size_t width, char pad, bool minus)
{
    char text[32];
    size_t at = sizeof text - 1;
    text[at] = '\0';
    do
        text[--at] = "0123456789abcdef"[value % base];
    while ((value /= base) != 0);
    while (pad == '0' && at > 1 && sizeof text - 1 - at < width)
        text[--at] = '0';
    if (minus)
        text[--at] = '-';
    put_text(o, text + at, width, pad == '-');
}

/* The part of a conversion between '%' and its letter. */
struct conversion {
    char pad; /* ' ', '0', or '-' for left-adjusted */
    size_t width;
    bool is_long;
};

static const char *parse_conversion(const char *f, struct conversion *c)
{
    *c = (struct conversion){.pad = ' '};
    if (*f == '0' || *f == '-')
        c->pad = *f++;
    while (*f >= '0' && *f <= '9')
        c->width = c->width * 10 + (size_t)(*f++ - '0');
    if (*f == 'l') {
        c->is_long = true;
        f++;
    }
    return f;
}

void out_printf(struct out *o, const char *format, ...)
{
    va_list args;
    va_start(args, format);
    for (const char *f = format; *f != '\0'; f++) {
        struct conversion c;
        if (*f != '%') {
            put_char(o, *f);
            continue;
        }
        f = parse_conversion(f + 1, &c);
        if (*f == 's') {
            put_text(o, va_arg(args, const char *), c.width, c.pad == '-');
        } else if (*f == 'd') {
            int64_t v = c.is_long ? va_arg(args, long) : va_arg(args, int);
            put_number(o, v < 0 ? -(uint64_t)v : (uint64_t)v, 10, c.width, c.pad, v < 0);
        } else if (*f == 'u' || *f == 'o' || *f == 'x') {
            uint64_t v = c.is_long ? va_arg(args, unsigned long) : va_arg(args, unsigned);
            put_number(o, v, *f == 'u' ? 10 : *f == 'o' ? 8 : 16, c.width, c.pad, false);
        } else {
            put_char(o, *f == 'c' ? (char)va_arg(args, int) : *f);
        }
    }
    va_end(args);
}

const char *out_text(struct out *o)
{
    o->buf[o->length < sizeof o->buf ? o->length : sizeof o->buf - 1] = '\0';
    return o->buf;
}

void out_complain(const char *program, const char *what, const char *why)
{
    struct out o;
    out_init(&o, STDERR_FILENO);
    out_printf(&o, "%s: %s", program, what);
    if (why != NULL)
        out_printf(&o, ": %s", why);
    out_printf(&o, "\n");
    out_flush(&o);
}

const char *out_error_text(long error)
{
    switch (error) {
    case EPERM: return "Operation not permitted";
    case ENOENT: return "No such file or directory";
    case ESRCH: return "No such process";
    case EIO: return "Input/output error";
    case ENOMEM: return "Cannot allocate memory";
    case EACCES: return "Permission denied";
    case EFAULT: return "Bad address";
    case EEXIST: return "File exists";
    case ENOTDIR: return "Not a directory";
    case EISDIR: return "Is a directory";
    case EINVAL: return "Invalid argument";
    case EMFILE: return "Too many open files";
    case EFBIG: return "File too large";
    case ENOSPC: return "No space left on device";
    case EROFS: return "Read-only file system";
    case ENAMETOOLONG: return "Name too long";
    case EDQUOT: return "Disk quota exceeded";
    case EOVERFLOW: return "Value too large";
    default: return "system error (see errno(3) for its number)";
    }
}
