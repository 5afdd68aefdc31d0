/* restart_plan.c - checks everything that a restart needs, before anything is destroyed.  Given. */
#include "restart_plan.h"
#include "arch.h"
#include "file_check.h"
#include "own_maps.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sysexits.h>
#include <unistd.h>

int plan_refuse(int status, const char *format, ...)
{
    va_list args;
    va_start(args, format);
    fputs("restart: ", stderr);
    vfprintf(stderr, format, args);
    fputc('\n', stderr);
    va_end(args);
    return status;
}

/* A region of a file: the same file again, or all its bytes from the image, or no restart. */
static int check_file(struct image_region *region, const char *name)
{
    const char *why;
    int error = 0;
    if (file_is_unchanged(region, name, &why)) {
        error = file_rehearse(region, name);
        if (error == 0)
            return 0;
        why = strerror(error);
    }
    if (!(region->flags & REGION_STORED))
        return plan_refuse(EX_NOINPUT, "cannot map %s again: %s, and the image does not hold all its pages "
                           "(a checkpoint with CKPT_FULL=1 does)", name, why);
    fprintf(stderr, "restart: %lx-%lx will be anonymous memory, no longer %s: %s\n", region->start, region->end, name, why);
    region->flags &= ~(uint32_t)REGION_FILE;
    return 0;
}

static int check_regions(struct restart_plan *plan)
{
    for (size_t i = 0; i < plan->image->region_count; i++) {
        struct image_region *region = &plan->regions[i];
        const char *name = plan->image->names + region->name;
        bool shared = region->flags & REGION_SHARED;
        if (shared && ((region->prot & PROT_WRITE) || !(region->flags & REGION_FILE)))
            return plan_refuse(EX_DATAERR, "region %lx-%lx %s is shared with others and writable; stage 4 restores these",
                               region->start, region->end, name);
        int status = region->flags & REGION_FILE ? check_file(region, name) : 0;
        if (status != 0)
            return status;
    }
    return 0;
}

static struct kernel_region *find_kernel_region(struct own_maps *own, const char *name)
{
    for (size_t i = 0; i < own->kernel_count; i++)
        if (strcmp(own->kernel[i].name, name) == 0)
            return &own->kernel[i];
    return NULL;
}

/* True if the image's vdso is, byte for byte, the one of this kernel. */
static bool same_vdso(const struct image *image, size_t i, const struct range *own)
{
    size_t size = own->end - own->start;
    char *stored = malloc(size);
    bool same = stored != NULL && image->loads[i].p_filesz == size &&
                pread(image->fd, stored, size, (off_t)image->loads[i].p_offset) == (ssize_t)size &&
                memcmp(stored, (const void *)own->start, size) == 0; // NOLINT
    free(stored);
    return same;
}

/* Each kernel mapping of the image must exist here too, with the same content and the same neighbours. */
static int check_kernel_region(struct restart_plan *plan, struct own_maps *own, size_t i)
{
    const struct image_region *region = &plan->regions[i];
    const char *name = plan->image->names + region->name;
    const struct kernel_region *here = find_kernel_region(own, name);
    uint64_t size = region->end - region->start;
    if (here == NULL || here->range.end - here->range.start != size ||
        (strcmp(name, "[vdso]") == 0 && plan->image->loads[i].p_filesz != 0 && !same_vdso(plan->image, i, &here->range)))
        return plan_refuse(EX_DATAERR, "the image has another kernel's %s; a restart needs the same kernel (until stage 5)", name);
    for (size_t k = 0; k < plan->move_count; k++)
        if (plan->moves[k].from == here->range.start)
            plan->moves[k].to = region->start;
    return 0;
}

static int plan_moves(struct restart_plan *plan, struct own_maps *own)
{
    for (size_t i = 0; i < own->kernel_count; i++) {
        struct range range = own->kernel[i].range;
        plan->moves[plan->move_count++] = (struct kernel_move){.from = range.start, .size = range.end - range.start};
        plan->moves_size += range.end - range.start;
    }
    for (size_t i = 0; i < plan->image->region_count; i++) {
        int status = plan->regions[i].flags & REGION_KERNEL ? check_kernel_region(plan, own, i) : 0;
        if (status != 0)
            return status;
    }
    return 0;
}

/*
 * The regions must fit into this process's limits; the program's own limits come later, with its other
 * state.  A soft limit may be raised up to the hard one.
 */
static int raise_limits(const struct image *image)
{
    static const int kinds[] = {RLIMIT_AS, RLIMIT_DATA};
    uint64_t size = 0;
    for (size_t i = 0; i < image->region_count; i++)
        size += image->loads[i].p_memsz;
    for (size_t i = 0; i < sizeof kinds / sizeof *kinds; i++) {
        struct rlimit limit;
        if (getrlimit((__rlimit_resource_t)kinds[i], &limit) != 0)
            continue;
        limit.rlim_cur = limit.rlim_max;
        setrlimit((__rlimit_resource_t)kinds[i], &limit);
        if (limit.rlim_max != RLIM_INFINITY && limit.rlim_max < size)
            return plan_refuse(EX_OSERR, "the image needs %lu KiB of memory, the limit is %lu (ulimit -v, ulimit -d)",
                               size / 1024, (unsigned long)limit.rlim_max / 1024);
    }
    return 0;
}

int plan_make(struct restart_plan *plan, const struct image *image, const struct restart_options *options)
{
    struct own_maps own;
    size_t size = image->region_count * sizeof *image->regions;
    *plan = (struct restart_plan){.image = image, .options = options, .regions = malloc(size)};
    if (plan->regions == NULL)
        return plan_refuse(EX_OSERR, "%s", strerror(ENOMEM));
    memcpy(plan->regions, image->regions, size);
    int status = check_regions(plan);
    if (status == 0)
        status = raise_limits(image);
    if (status != 0)
        return status;
    int error = own_maps_read(&own);
    status = error != 0 ? plan_refuse(EX_OSERR, "/proc/self/maps: %s", strerror(error)) : plan_moves(plan, &own);
    own_maps_free(&own);
    return status != 0 ? status : block_build(plan);
}

void plan_free(struct restart_plan *plan)
{
    if (plan->restorer != NULL)
        munmap((void *)plan->restorer->start, plan->restorer->size); // NOLINT
    free(plan->regions);
}
