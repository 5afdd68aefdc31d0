//@ top
#include "passes.h"
//@ end
//@ step 3.2
    const uint64_t block = r->start, behind = block + r->size;
    long e;
    if ((e = sys_munmap(behind, ARCH_USER_END - behind)) != 0)
        goto out;
    e = sys_munmap(0, block);
out:
    return e;
//@ end
//@ step 3.5
    struct second_life *p = (void *)r->second_life;
    int (*go)(void *) = (int (*)(void *))r->setcontext;
    if (p)
        p->restorer_start = r->start, p->restorer_size = r->size;
    return go((void *)r->ucontext);
//@ end
//@ replace
static void restore_regions(const struct restorer *r)
{
    for (size_t i = 0; i < r->region_count; i++) {
        const struct image_region *region = &r->regions[i];
        const char *doing, *name = r->names + region->name;
        long error = restore_region(r, region, r->loads[i].p_offset, &doing);
        if (error != 0)
            fail(error, doing, *name != '\0' ? name : text_number(region->start, 16).digits);
    }
}
//@ with
static void over_all_regions(const struct restorer *r, pass pass)
{
    const Elf64_Phdr *load = r->loads;
    for (const struct image_region *p = r->regions, *end = p + r->region_count; p != end; p++)
        must(pass(r, p, load++), r->names + p->name);
}

static void restore_regions(const struct restorer *r)
{
    over_all_regions(r, pass_map);
    over_all_regions(r, pass_read);
    over_all_regions(r, pass_protect);
}
//@ end
