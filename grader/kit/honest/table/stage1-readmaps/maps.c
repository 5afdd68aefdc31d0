/*
 * maps.c - reads /proc/PID/maps with a finite automaton.
 *
 * The automaton eats a line character by character.  What a state does with a character is a row of
 * table[] and nothing else; there is no code that "parses a number".  When the buffer runs dry the
 * automaton waits in its state, and goes on with the next bytes.
 */
#include "maps.h"
#include "sys.h"

enum state { FROM, TO, READ, WRITE, EXEC, SHARE, GAP, OFFSET, MAJOR, MINOR, INODE, BLANKS, NAME, ACCEPT, STATES };
enum verb { DROP, HEX, DEC, FIELD_ENDS, GRANT, IS_SHARED, LETTER };

struct edge {
    const char *on; /* these characters; ANYTHING; NULL: no more edges, the line is refused */
    unsigned char verb, next;
};

#define ANYTHING ""
#define DECIMAL "0123456789"
#define HEXADECIMAL DECIMAL "abcdef"
#define NUMBER(state, base, digits, stop, next) [state] = {{digits, base, state}, {stop, FIELD_ENDS, next}}
#define LETTER_OR_DASH(state, letter, next) [state] = {{letter, GRANT, next}, {"-", DROP, next}}

static const struct edge table[STATES][4] = {
    NUMBER(FROM, HEX, HEXADECIMAL, "-", TO),
    NUMBER(TO, HEX, HEXADECIMAL, " ", READ),
    LETTER_OR_DASH(READ, "r", WRITE),
    LETTER_OR_DASH(WRITE, "w", EXEC),
    LETTER_OR_DASH(EXEC, "x", SHARE),
    [SHARE] = {{"p", DROP, GAP}, {"s", IS_SHARED, GAP}},
    [GAP] = {{" ", DROP, OFFSET}},
    NUMBER(OFFSET, HEX, HEXADECIMAL, " ", MAJOR),
    NUMBER(MAJOR, HEX, HEXADECIMAL, ":", MINOR),
    NUMBER(MINOR, HEX, HEXADECIMAL, " ", INODE),
    [INODE] = {{DECIMAL, DEC, INODE}, {" ", FIELD_ENDS, BLANKS}, {"\n", FIELD_ENDS, ACCEPT}},
    [BLANKS] = {{" ", DROP, BLANKS}, {"\n", DROP, ACCEPT}, {ANYTHING, LETTER, NAME}},
    [NAME] = {{"\n", DROP, ACCEPT}, {ANYTHING, LETTER, NAME}},
};

static const int grants[STATES] = {[READ] = PROT_READ, [WRITE] = PROT_WRITE, [EXEC] = PROT_EXEC};

/* Positions are counted from the line's first character, since the line itself may move. */
struct automaton {
    enum state state;
    uint64_t number[STATES]; /* the value of each number field, by its state */
    unsigned digits;         /* of the field that is being read */
    int prot;
    bool shared;
    size_t eaten, name, name_end; /* name is 0: none was seen */
};

static bool digit(struct automaton *a, uint64_t base, char c)
{
    uint64_t *number = &a->number[a->state], value = (uint64_t)(c <= '9' ? c - '0' : c - 'a' + 10);
    if (*number > (UINT64_MAX - value) / base)
        return false;
    *number = *number * base + value;
    a->digits++;
    return true;
}

/* Appends to the name; the four characters \012 at its end become the newline that they stand for. */
static void letter(struct automaton *a, char *line, char c)
{
    if (a->name == 0)
        a->name = a->name_end = a->eaten;
    line[a->name_end++] = c;
    if (a->name_end - a->name >= 4 && memcmp(line + a->name_end - 4, "\\012", 4) == 0) {
        a->name_end -= 3;
        line[a->name_end - 1] = '\n';
    }
}

static bool act(struct automaton *a, enum verb verb, char *line, char c)
{
    bool good = true;
    switch (verb) {
    case DROP: break;
    case HEX: good = digit(a, 16, c); break;
    case DEC: good = digit(a, 10, c); break;
    case FIELD_ENDS: good = a->digits > 0; a->digits = 0; break;
    case GRANT: a->prot |= grants[a->state]; break;
    case IS_SHARED: a->shared = true; break;
    case LETTER: letter(a, line, c); break;
    }
    return good;
}

/* Eats the next character of the line; false if no edge leads on. */
static bool eat(struct automaton *a, char *line)
{
    char c = line[a->eaten];
    const struct edge *edge = table[a->state];
    while (edge->on != NULL && *edge->on != '\0' && (c == '\0' || strchr(edge->on, c) == NULL))
        edge++;
    if (edge->on == NULL || !act(a, (enum verb)edge->verb, line, c))
        return false;
    a->state = (enum state)edge->next;
    a->eaten++;
    return true;
}

/* Makes room behind the unfinished line and reads into it.  Returns the number of bytes, or -errno. */
static long more(struct maps_reader *reader)
{
    size_t unfinished = 0;
    long got = -EINTR;
    for (size_t i = reader->begin; i < reader->end; i++)
        reader->buf[unfinished++] = reader->buf[i];
    reader->begin = 0;
    reader->end = unfinished;
    if (unfinished == reader->size)
        return -ENAMETOOLONG;
    while (got == -EINTR)
        got = sys_read(reader->fd, reader->buf + unfinished, reader->size - unfinished);
    if (got > 0)
        reader->end += (size_t)got;
    reader->end_of_file = got == 0;
    return got;
}

void maps_start(struct maps_reader *reader, int fd, char *buf, size_t size)
{
    memset(reader, 0, sizeof *reader);
    reader->fd = fd;
    reader->buf = buf;
    reader->size = size;
}

static void hand_over(struct region *region, const struct automaton *a, char *line)
{
    size_t name = a->name != 0 ? a->name : a->eaten - 1;
    line[a->name != 0 ? a->name_end : name] = '\0';
    *region = (struct region){
        .start = a->number[FROM], .end = a->number[TO], .offset = a->number[OFFSET], .inode = a->number[INODE],
        .dev_major = (unsigned)a->number[MAJOR], .dev_minor = (unsigned)a->number[MINOR],
        .prot = a->prot, .shared = a->shared, .name = line + name,
    };
}

int maps_next(struct maps_reader *reader, struct region *region)
{
    struct automaton a = {.state = FROM};
    reader->line++;
    while (a.state != ACCEPT) {
        if (reader->begin + a.eaten == reader->end) {
            long got = more(reader);
            if (got < 0)
                return (int)got;
            if (got == 0)
                return a.eaten == 0 ? 0 : -EINVAL;
        }
        if (!eat(&a, reader->buf + reader->begin))
            return -EINVAL;
    }
    hand_over(region, &a, reader->buf + reader->begin);
    reader->begin += a.eaten;
    return region->end > region->start ? 1 : -EINVAL;
}
