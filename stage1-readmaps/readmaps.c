/*
 * readmaps - prints the regions of a process and what a checkpointer would do with each.
 *
 * stdout gets a static buffer before the file is opened, so nothing is allocated while maps is read:
 * without an operand readmaps shows its own address space as it was and as it stays.
 */
#include "maps.h"
#include "region_print.h"
#include "libc.h"

static const char usage[] =
    "Usage: readmaps [PID|FILE]\n"
    "Print each region of a process, and what a checkpointer does with it (save, file, guard, kernel, refuse).\n\n"
    "  PID   read /proc/PID/maps\n"
    "  FILE  read a file in that format (a copy of somebody's maps); ./NAME if NAME is a number\n"
    "  none  read readmaps' own, /proc/self/maps\n\n"
    "Exit status: 0; 64 wrong usage; 65 not in the format of maps; 66 cannot be opened; 71 read error;\n"
    "74 write error.\n";

/* Returns what the last maps_next() returned: 0 at the end, or an error. */
static int print_maps(struct maps_reader *reader)
{
    unsigned long all = 0, regions[PLAN_REFUSE + 1] = {0}, kilobytes[PLAN_REFUSE + 1] = {0};
    struct region region;
    int got;
    for (; (got = maps_next(reader, &region)) == 1; all++) {
        enum region_plan plan = region_plan(&region);
        region_print(region_plan_name(plan), &region);
        regions[plan]++;
        kilobytes[plan] += (region.end - region.start) / 1024;
    }
    if (got != 0)
        return got;
    printf("%lu regions:", all);
    for (int plan = 0; plan <= PLAN_REFUSE; plan++)
        printf("%s %lu %s (%luK)", plan == 0 ? "" : ",", regions[plan], region_plan_name(plan), kilobytes[plan]);
    putchar('\n');
    return 0;
}

static void readmaps(const char *operand)
{
    static char line_buffer[MAPS_BUFFER_SIZE];
    char name[4096];
    struct maps_reader reader;
    bool is_pid = operand != NULL && *operand != '\0' && operand[strspn(operand, "0123456789")] == '\0';
    snprintf(name, sizeof name, is_pid ? "/proc/%s/maps" : "%s", operand != NULL ? operand : "/proc/self/maps");
    int fd = open(name, O_RDONLY | O_CLOEXEC);
    if (fd < 0)
        err(EX_NOINPUT, "%s", name);
    maps_start(&reader, fd, line_buffer, sizeof line_buffer);
    int got = print_maps(&reader);
    close(fd);
    if (got == -EINVAL || got == -ENAMETOOLONG)
        errx(EX_DATAERR, "%s: line %lu is not one of /proc/PID/maps", name, reader.line);
    if (got < 0)
        errx(EX_OSERR, "%s: %s", name, strerror(-got));
}

int main(int argc, char **argv)
{
    static char buffer[BUFSIZ];
    setvbuf(stdout, buffer, _IOFBF, sizeof buffer);
    bool help = argc == 2 && (strcmp(argv[1], "-h") == 0 || strcmp(argv[1], "--help") == 0);
    if (help || argc > 2 || (argc == 2 && argv[1][0] == '-'))
        usage_exit(usage, help);
    readmaps(argc == 2 ? argv[1] : NULL);
    return output_status(0);
}
