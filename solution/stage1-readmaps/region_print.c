/* region_print.c - a region as one line of text.  Async-signal-safe.  Given. */
#include "region_print.h"

#include <sys/mman.h>

void size_print(struct out *o, uint64_t bytes)
{
    char unit = 'K';
    bytes /= 1024;
    if (bytes >= 10240 && bytes % 1024 == 0) {
        bytes /= 1024;
        unit = 'M';
    }
    out_printf(o, "%lu%c", bytes, unit);
}

/* As the kernel does it: a newline in a name would break the table. */
static void name_print(struct out *o, const char *name)
{
    for (; *name != '\0'; name++) {
        if (*name == '\n')
            out_printf(o, "\\012");
        else
            out_printf(o, "%c", *name);
    }
}

void region_print(struct out *o, const char *plan, const struct region *r)
{
    struct out size;
    out_init(&size, -1);
    size_print(&size, r->end - r->start);
    out_printf(o, "%-6s %7s %012lx-%012lx %c%c%c%c %08lx %02x:%02x %-9lu ", plan, out_text(&size), r->start, r->end,
               r->prot & PROT_READ ? 'r' : '-', r->prot & PROT_WRITE ? 'w' : '-',
               r->prot & PROT_EXEC ? 'x' : '-', r->shared ? 's' : 'p', r->offset, r->dev_major,
               r->dev_minor, r->inode);
    name_print(o, r->name);
    out_printf(o, "\n");
}
