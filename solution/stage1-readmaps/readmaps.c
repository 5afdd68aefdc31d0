/*
 * readmaps - prints the regions of a process and what a checkpointer would do with each.
 *
 * All memory is static and no libc function that could allocate is called between open and close, so
 * `readmaps` without an operand shows its own address space as it was and as it stays.
 */
#include "maps.h"
#include "region_print.h"
#include "sys.h"

#include <errno.h>
#include <string.h>
#include <sysexits.h>
#include <unistd.h>

static const char usage[] =
    "Usage: readmaps [PID|FILE]\n"
    "Print each region of a process (start, end, permissions, offset, device, inode, name) and what a\n"
    "checkpointer would do with it: save, file, guard, kernel or refuse.\n"
    "\n"
    "  PID   read /proc/PID/maps\n"
    "  FILE  read a file in that format (a copy of somebody's maps); ./NAME if NAME is a number\n"
    "  none  read readmaps' own: /proc/self/maps\n"
    "\n"
    "Exit status: 0; 64 wrong usage; 65 not in the format of maps; 66 cannot be opened; 71 read error.\n";

static char maps_buffer[MAPS_BUFFER_SIZE];
static char path[64];

static bool is_number(const char *s)
{
    size_t n = 0;
    while (s[n] >= '0' && s[n] <= '9')
        n++;
    return n > 0 && n < 20 && s[n] == '\0';
}

static const char *maps_path(const char *operand)
{
    if (operand == NULL)
        return "/proc/self/maps";
    if (!is_number(operand))
        return operand;
    struct out o;
    out_init(&o, -1);
    out_printf(&o, "/proc/%s/maps", operand);
    memcpy(path, o.buf, o.length);
    return path;
}

/* What the last line of the output says. */
struct totals {
    unsigned long regions[PLAN_REFUSE + 1];
    uint64_t bytes[PLAN_REFUSE + 1];
};

static void print_totals(struct out *o, const struct totals *t)
{
    unsigned long all = 0;
    for (int plan = 0; plan <= PLAN_REFUSE; plan++)
        all += t->regions[plan];
    out_printf(o, "%lu regions:", all);
    for (int plan = 0; plan <= PLAN_REFUSE; plan++) {
        out_printf(o, "%s %lu %s (", plan == 0 ? "" : ",", t->regions[plan], region_plan_name(plan));
        size_print(o, t->bytes[plan]);
        out_printf(o, ")");
    }
    out_printf(o, "\n");
}

static int print_maps(struct out *o, struct maps_reader *reader)
{
    static struct totals totals;
    struct region region;
    int got;
    while ((got = maps_next(reader, &region)) == 1) {
        enum region_plan plan = region_plan(&region);
        region_print(o, region_plan_name(plan), &region);
        totals.regions[plan]++;
        totals.bytes[plan] += region.end - region.start;
    }
    if (got == 0)
        print_totals(o, &totals);
    return got;
}

/* The message for what stopped the reading, and the exit status. */
static int fail(const char *what, int error, unsigned long line)
{
    struct out o;
    out_init(&o, STDERR_FILENO);
    out_printf(&o, "readmaps: %s", what);
    if (error == EINVAL || error == ENAMETOOLONG) {
        out_printf(&o, ":%lu: not a line of /proc/PID/maps%s\n", line, error == EINVAL ? "" : " (too long)");
        out_flush(&o);
        return EX_DATAERR;
    }
    out_printf(&o, ": %s\n", out_error_text(error));
    out_flush(&o);
    return line == 0 ? EX_NOINPUT : EX_OSERR;
}

static int readmaps(const char *operand)
{
    const char *name = maps_path(operand);
    long fd = sys_open(name, O_RDONLY | O_CLOEXEC, 0);
    if (fd < 0)
        return fail(name, (int)-fd, 0);
    struct maps_reader reader;
    struct out o;
    out_init(&o, STDOUT_FILENO);
    maps_start(&reader, (int)fd, maps_buffer, sizeof maps_buffer);
    int got = print_maps(&o, &reader);
    sys_close((int)fd);
    out_flush(&o);
    if (got < 0)
        return fail(name, -got, reader.line + (got == -ENAMETOOLONG || reader.line == 0));
    if (o.error != 0)
        return fail("standard output", o.error, 1);
    return 0;
}

int main(int argc, char **argv)
{
    if (argc == 2 && (strcmp(argv[1], "-h") == 0 || strcmp(argv[1], "--help") == 0)) {
        sys_write(STDOUT_FILENO, usage, sizeof usage - 1);
        return 0;
    }
    if (argc > 2 || (argc == 2 && argv[1][0] == '-')) {
        sys_write(STDERR_FILENO, usage, sizeof usage - 1);
        return EX_USAGE;
    }
    return readmaps(argc == 2 ? argv[1] : NULL);
}
