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
    //@ step 1.5 Decide what a checkpointer does with the region.
    //@ Kernel regions first: by PREFIX "[vvar" (starts_with(), text.h; since Linux 6.13 there is "[vvar_vclock]"
    //@ too), and "[vdso]" and "[vsyscall]". Then shared regions (read-only with a file that still has its name:
    //@ PLAN_FILE, any other: PLAN_REFUSE), those without any access (PLAN_GUARD), and private files that
    //@ cannot be written and still have their name (PLAN_FILE). The rest is the program's own.
    //@ stub: (void)region;
    //@ stub: return PLAN_SAVE;
    bool file_is_there = region_has_file(region) && !region_is_deleted(region);
    if (starts_with(region->name, "[vvar") || strcmp(region->name, "[vdso]") == 0 ||
        strcmp(region->name, "[vsyscall]") == 0)
        return PLAN_KERNEL;
    if (region->shared)
        return file_is_there && !(region->prot & PROT_WRITE) ? PLAN_FILE : PLAN_REFUSE;
    if (region->prot == PROT_NONE)
        return PLAN_GUARD;
    if (file_is_there && !(region->prot & PROT_WRITE))
        return PLAN_FILE;
    return PLAN_SAVE;
    //@ end
}

const char *region_plan_name(enum region_plan plan)
{
    static const char *const names[] = {"save", "file", "guard", "kernel", "refuse"};
    return names[plan];
}
