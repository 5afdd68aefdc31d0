/* region_plan.c - what a checkpointer does with a region, told from its line in maps alone. */
#include "maps.h"
#include "sys.h"
#include "text.h"

bool region_is_deleted(const struct region *region)
{
    return region->inode != 0 && ends_with(region->name, " (deleted)");
}

bool region_has_file(const struct region *region)
{
    return region->inode != 0 && region->name[0] == '/';
}

enum region_plan region_plan(const struct region *region)
{
    /* TODO 1.5: Decide what a checkpointer does with the region.
     * Kernel regions first: by PREFIX "[vvar" (starts_with(), text.h; since Linux 6.13 there is "[vvar_vclock]"
     * too), and "[vdso]" and "[vsyscall]". Then shared regions (read-only with a file that still has its name:
     * PLAN_FILE, any other: PLAN_REFUSE), those without any access (PLAN_GUARD), and private files that
     * cannot be written and still have their name (PLAN_FILE). The rest is the program's own. */
    (void)region;
    return PLAN_SAVE;
}

const char *region_plan_name(enum region_plan plan)
{
    static const char *const names[] = {"save", "file", "guard", "kernel", "refuse"};
    return names[plan];
}
