/* region_print.c - a region as one line of text.  Given. */
#include "region_print.h"
#include "libc.h"

void region_print(const char *plan, const struct region *r)
{
    printf("%-6s %7" PRIu64 "K %012" PRIx64 "-%012" PRIx64 " %c%c%c%c %08" PRIx64 " %02x:%02x %-9" PRIu64 " ", plan,
           (r->end - r->start) / 1024, r->start, r->end, r->prot & PROT_READ ? 'r' : '-',
           r->prot & PROT_WRITE ? 'w' : '-', r->prot & PROT_EXEC ? 'x' : '-', r->shared ? 's' : 'p', r->offset,
           r->dev_major, r->dev_minor, r->inode);
    for (const char *c = r->name; *c != '\0'; c++) /* a newline as the kernel writes it */
        fputs(*c == '\n' ? "\\012" : (const char[]){*c, '\0'}, stdout);
    putchar('\n');
}
