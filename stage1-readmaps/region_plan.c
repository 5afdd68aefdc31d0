/* region_plan.c - what a checkpointer does with a region, told from its line in maps alone. */
#include "maps.h"
#include "sys.h"

static bool starts_with(const char *s, const char *prefix)
{
    return strncmp(s, prefix, strlen(prefix)) == 0;
}

bool region_is_deleted(const struct region *region)
{
    static const char suffix[] = " (deleted)";
    size_t length = strlen(region->name);
    size_t tail = sizeof suffix - 1;
    return region->inode != 0 && length > tail && strcmp(region->name + length - tail, suffix) == 0;
}

bool region_has_file(const struct region *region)
{
    return region->inode != 0 && region->name[0] == '/';
}

enum region_plan region_plan(const struct region *region)
{
    /* TODO 1.5: Decide what a checkpointer does with the region.
     * Kernel regions first: by PREFIX "[vvar" (since Linux 6.13 there is "[vvar_vclock]" too), and
     * "[vdso]" and "[vsyscall]". Then shared regions (read-only with a file that still has its name:
     * PLAN_FILE, any other: PLAN_REFUSE), those without any access (PLAN_GUARD), and private files that
     * cannot be written and still have their name (PLAN_FILE). The rest is the program's own. */
    (void)region, (void)starts_with;
    return PLAN_SAVE;
}

const char *region_plan_name(enum region_plan plan)
{
    static const char *const names[] = {"save", "file", "guard", "kernel", "refuse"};
    return names[plan];
}
