/* maps.c - the parser of maps.h: fill a buffer, find a line, take it apart. */
#include "maps.h"
#include "sys.h"
#include "text.h"

void maps_start(struct maps_reader *reader, int fd, char *buf, size_t size)
{
    *reader = (struct maps_reader){.fd = fd, .buf = buf, .size = size};
}

/*
 * Reads more bytes behind those that are not parsed yet.  First moves these to the front:
 *
 *     buf |......[begin  unparsed  end)      |       ->       buf |[unparsed)               |
 *
 * The kernel gives a page or less at a time, and may stop in the middle of a line.
 */
static int refill(struct maps_reader *r)
{
    /* TODO 1.1: Read more bytes into the buffer.
     * Move the bytes from begin to end to the front of buf (memmove), then sys_read() behind them.
     * A read of 0 bytes is the end of the file, -EINTR means try again, another negative number is an
     * error: return it. Return -ENAMETOOLONG if the buffer is full and holds no whole line. */
    r->end_of_file = true;
    return 0;
}

/* The next line, its newline replaced by '\0', or NULL at the end; *error gets 0 or -errno. */
static char *next_line(struct maps_reader *r, int *error)
{
    char *newline;
    r->line++;
    *error = 0;
    while ((newline = memchr(r->buf + r->begin, '\n', r->end - r->begin)) == NULL) {
        if (r->end_of_file && r->begin < r->end)
            *error = -EINVAL; /* the file ends in the middle of a line */
        if (r->end_of_file || (*error = refill(r)) != 0)
            return NULL;
    }
    char *line = r->buf + r->begin;
    *newline = '\0';
    r->begin = (size_t)(newline + 1 - r->buf);
    return line;
}

/* Takes a number in the given base and the one character that must follow it from *at. */
static bool take_number(const char **at, unsigned base, char follow, uint64_t *value)
{
    /* TODO 1.2: Read one number: digits of `base` (digit_value(), text.h), then the character `follow`.
     * Move *at behind both, store the number in *value and return true. Return false, so that the
     * line is refused, if there is no digit, if more than 64 bits would be needed, or if another
     * character follows. */
    (void)at, (void)base, (void)follow, (void)value;
    return false;
}

/* Takes "rw-p " from *at. */
static bool take_permissions(const char **at, struct region *region)
{
    /* TODO 1.3: Read the four letters of the permissions and the blank behind them.
     * Each of the first three is its letter or '-', the fourth is 'p' or 's'. */
    (void)at, (void)region;
    return false;
}

/*
 * The kernel writes a newline inside a name as \012; turn it back, in place.  (It does not escape a
 * backslash, so a file whose name holds these four characters cannot be told apart: proc_pid_maps(5).)
 */
static void unescape(char *name)
{
    /* TODO 1.4: Turn every "\012" in the name into a newline. The name gets shorter, in place. */
    (void)name;
}

static bool parse_line(char *line, struct region *region)
{
    const char *at = line;
    uint64_t major, minor;
    if (!take_number(&at, 16, '-', &region->start) || !take_number(&at, 16, ' ', &region->end) ||
        !take_permissions(&at, region) || !take_number(&at, 16, ' ', &region->offset) ||
        !take_number(&at, 16, ':', &major) || !take_number(&at, 16, ' ', &minor))
        return false;
    /* Behind the inode stand blanks and the name; some kernels write no blank if there is none. */
    bool has_name = take_number(&at, 10, ' ', &region->inode);
    if (!has_name && !take_number(&at, 10, '\0', &region->inode))
        return false;
    region->dev_major = (unsigned)major;
    region->dev_minor = (unsigned)minor;
    char *name = has_name ? line + (at - line) : line + strlen(line);
    name += strspn(name, " ");
    unescape(name);
    region->name = name;
    return region->start < region->end;
}

int maps_next(struct maps_reader *reader, struct region *region)
{
    int error;
    char *line = next_line(reader, &error);
    if (line == NULL)
        return error;
    return parse_line(line, region) ? 1 : -EINVAL;
}
