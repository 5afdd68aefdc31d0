/* restart_plan.c - checks everything that a restart needs, before anything is destroyed.  Given. */
#include "restart_plan.h"
#include "arch.h"
#include "file_check.h"
#include "own_maps.h"
#include "libc.h"

#include <sys/resource.h>

/* A region of a file: the same file again, or all its bytes from the image, or no restart. */
static void check_file(struct image_region *region, const char *name)
{
    const char *problem = file_problem(region, name);
    if (problem == NULL)
        return;
    if (!(region->flags & REGION_STORED))
        errx(EX_NOINPUT, "cannot map %s again: %s; and the image does not hold all its pages (a checkpoint with "
             "CKPT_FULL=1 does)", name, problem);
    warnx("%lx-%lx will be anonymous memory, no longer %s: %s", region->start, region->end, name, problem);
    region->flags &= ~(uint32_t)REGION_FILE;
}

static void check_regions(struct restart_plan *plan)
{
    for (size_t i = 0; i < plan->image.region_count; i++) {
        struct image_region *region = &plan->regions[i];
        const char *name = plan->image.names + region->name;
        if ((region->flags & REGION_SHARED) && ((region->prot & PROT_WRITE) || !(region->flags & REGION_FILE)))
            errx(EX_DATAERR, "region %lx-%lx %s is shared with others and writable; stage 4 restores these",
                 region->start, region->end, name);
        if (region->flags & REGION_FILE)
            check_file(region, name);
    }
}

/* True if the image's copy of a kernel mapping, if it has one, is byte for byte what this kernel has. */
static bool same_bytes(const struct image *image, const Elf64_Phdr *load, const struct range *own)
{
    char *stored = malloc(load->p_filesz + 1);
    bool same = stored != NULL && pread(image->fd, stored, load->p_filesz, (off_t)load->p_offset) == (ssize_t)load->p_filesz &&
                memcmp(stored, (const void *)own->start, load->p_filesz) == 0; // NOLINT
    free(stored);
    return same;
}

/*
 * Each of the kernel's mappings in the image ([vdso] and what it reads) must exist here too, with the same
 * size and content: the program jumps into it.  Then all of ours are listed, with where they go.
 */
static void plan_moves(struct restart_plan *plan, const struct own_maps *own)
{
    for (size_t k = 0; k < own->kernel_count; k++) {
        struct range here = own->kernel[k].range;
        plan->moves[plan->move_count++] = (struct kernel_move){.from = here.start, .size = here.end - here.start};
        plan->moves_size += here.end - here.start;
    }
    for (size_t i = 0; i < plan->image.region_count; i++) {
        const struct image_region *region = &plan->regions[i];
        const char *name = plan->image.names + region->name;
        size_t k = 0;
        if (!(region->flags & REGION_KERNEL))
            continue;
        while (k < own->kernel_count && strcmp(own->kernel[k].name, name) != 0)
            k++;
        if (k == own->kernel_count || plan->moves[k].size != region->end - region->start ||
            !same_bytes(&plan->image, &plan->image.loads[i], &own->kernel[k].range))
            errx(EX_DATAERR, "the image has another kernel's %s; a restart needs the same kernel (until stage 5)", name);
        plan->moves[k].to = region->start;
    }
}

/*
 * The regions must fit into this process's limits; the program's own limits come later, with its other
 * state.  A soft limit may be raised up to the hard one.
 */
static void raise_limit(int which, const struct image *image)
{
    struct rlimit limit;
    uint64_t size = 0;
    for (size_t i = 0; i < image->region_count; i++)
        size += image->loads[i].p_memsz;
    getrlimit((__rlimit_resource_t)which, &limit);
    limit.rlim_cur = limit.rlim_max;
    setrlimit((__rlimit_resource_t)which, &limit);
    if (limit.rlim_max != RLIM_INFINITY && limit.rlim_max < size)
        errx(EX_OSERR, "the program needs %luK of memory, and the limit is %luK (ulimit -v, ulimit -d)", size / 1024,
             (unsigned long)limit.rlim_max / 1024);
}

void plan_make(struct restart_plan *plan, const char *path, const struct restart_options *options)
{
    static struct own_maps own;
    struct image *image = &plan->image;
    *plan = (struct restart_plan){.options = *options};
    int status = image_open(image, path);
    if (status != 0)
        errx(status, "%s: %s", path, image->why);
    plan->regions = malloc(image->region_count * sizeof *plan->regions);
    if (plan->regions == NULL || !own_maps_read(&own))
        errx(EX_OSERR, "no memory, or /proc/self/maps cannot be read");
    memcpy(plan->regions, image->regions, image->region_count * sizeof *plan->regions);
    check_regions(plan);
    raise_limit(RLIMIT_AS, image);
    raise_limit(RLIMIT_DATA, image);
    plan_moves(plan, &own);
    block_build(plan);
}
