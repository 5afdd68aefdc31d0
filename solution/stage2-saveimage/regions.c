/* regions.c - reads this process's regions into the table of regions.h. */
#include "regions.h"
#include "build_id.h"
#include "pages.h"
#include "sys.h"

#include <errno.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>

static int add_name(struct region_table *t, const char *name, uint32_t *at)
{
    size_t size = strlen(name) + 1;
    uint32_t last = t->count > 0 ? t->regions[t->count - 1].name : 0;
    if (t->count > 0 && strcmp(t->names + last, name) == 0) {
        *at = last; /* the regions of one file follow each other */
        return 0;
    }
    if (size > t->names_max - t->names_size)
        return -E2BIG;
    *at = (uint32_t)t->names_size;
    memcpy(t->names + t->names_size, name, size);
    t->names_size += size;
    return 0;
}

/*
 * Notes which file this is.  If the name leads to another file now (the old one was deleted or
 * replaced), the region gets no REGION_FILE, and all its pages will be stored.
 */
static void identify_file(const struct region_table *t, struct image_region *to, const struct region *from)
{
    const struct image_region *previous = t->count > 0 ? to - 1 : NULL;
    struct stat st;
    if (!region_has_file(from) || region_is_deleted(from))
        return;
    if (sys_call(SYS_newfstatat, AT_FDCWD, (long)from->name, (long)&st, 0) != 0 || st.st_ino != from->inode)
        return;
    to->flags |= REGION_FILE;
    to->device = st.st_dev;
    to->inode = st.st_ino;
    to->file_size = (uint64_t)st.st_size;
    to->mtime_seconds = st.st_mtim.tv_sec;
    to->mtime_nanoseconds = st.st_mtim.tv_nsec;
    if (previous != NULL && previous->name == to->name) { /* the next region of the same file */
        to->build_id_size = previous->build_id_size;
        memcpy(to->build_id, previous->build_id, BUILD_ID_MAX);
    } else if (from->offset == 0 && (from->prot & PROT_READ) && st.st_size >= (off_t)ARCH_PAGE_SIZE)
        to->build_id_size = build_id_find((const unsigned char *)from->start, ARCH_PAGE_SIZE, to->build_id);
}

/*
 * Stored is everything but the kernel's data, memory without content, and files that are unchanged.
 * [vdso] is stored for gdb only; restart moves its own.
 */
static bool must_store(const struct region_table *t, const struct image_region *r)
{
    if (r->flags & REGION_KERNEL)
        return strcmp(t->names + r->name, "[vdso]") == 0;
    if (r->flags & REGION_SHARED)
        return false;
    if (r->flags & REGION_FILE)
        return t->full || pages_have_own(t->pagemap, r);
    return r->prot != PROT_NONE || pages_have_own(t->pagemap, r);
}

static int add_region(struct region_table *t, const struct region *from, enum region_plan plan)
{
    if (t->count == t->max)
        return -E2BIG;
    struct image_region *to = &t->regions[t->count];
    *to = (struct image_region){.start = from->start, .end = from->end, .offset = from->offset};
    to->prot = (uint32_t)from->prot;
    if (from->shared)
        to->flags |= REGION_SHARED;
    if (plan == PLAN_KERNEL)
        to->flags |= REGION_KERNEL;
    if (strcmp(from->name, "[stack]") == 0)
        to->flags |= REGION_GROWS_DOWN;
    int error = add_name(t, from->name, &to->name);
    if (error != 0)
        return error;
    identify_file(t, to, from);
    if (must_store(t, to))
        to->flags |= REGION_STORED;
    t->count++;
    return 0;
}

static int read_all(struct region_table *t, struct maps_reader *reader, const struct arena *arena,
                    struct region_refusal *refusal)
{
    struct region region;
    int got;
    while ((got = maps_next(reader, &region)) == 1) {
        //@ step 2.3 Put each region of the process into the table.
        //@ Leave out the arena (it lies at arena->start and is not the program's) and whatever lies beyond
        //@ ARCH_USER_END, such as [vsyscall]. region_plan() of stage 1 says what to do with the others:
        //@ for PLAN_REFUSE fill *refusal and return -EPERM; add the rest with add_region().
        //@ stub: (void)t, (void)arena, (void)refusal, (void)add_region;
        //@ stub: return -ENOSYS;
        enum region_plan plan = region_plan(&region);
        if (region.start == arena->start || region.start >= ARCH_USER_END)
            continue;
        if (plan == PLAN_REFUSE) {
            *refusal = (struct region_refusal){region.start, region.end, region.name};
            return -EPERM;
        }
        int error = add_region(t, &region, plan);
        if (error != 0)
            return error;
        //@ end
    }
    return got;
}

int regions_read(struct region_table *table, const struct arena *arena, struct region_refusal *refusal)
{
    /* The arena's next bytes serve as line buffer; nobody else takes from it while we read. */
    char *buffer = (char *)arena->start + arena->used; // NOLINT
    struct maps_reader reader;
    long fd = sys_open("/proc/self/maps", O_RDONLY | O_CLOEXEC, 0);
    if (fd < 0)
        return (int)fd;
    table->pagemap = (int)sys_open("/proc/self/pagemap", O_RDONLY | O_CLOEXEC, 0);
    maps_start(&reader, (int)fd, buffer, MAPS_BUFFER_SIZE);
    int error = read_all(table, &reader, arena, refusal);
    sys_close((int)fd);
    return error;
}

struct region region_view(const struct image_region *r, const char *names)
{
    return (struct region){.start = r->start, .end = r->end, .offset = r->offset, .inode = r->inode,
                           .dev_major = (unsigned)(r->device >> 8 & 0xfff), .dev_minor = (unsigned)(r->device & 0xff),
                           .prot = (int)r->prot, .shared = r->flags & REGION_SHARED, .name = names + r->name};
}
