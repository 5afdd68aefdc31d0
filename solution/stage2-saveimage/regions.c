/* regions.c - reads this process's regions into the table of regions.h. */
#include "regions.h"
#include "build_id.h"
#include "pages.h"
#include "sys.h"
#include "text.h"

/*
 * Notes which file this is.  If the name leads to another file now (the old one was deleted or
 * replaced), the region gets no REGION_FILE, and all its pages will be stored.
 */
static void identify_file(struct image_region *to, const struct region *from, const struct image_region *previous)
{
    struct stat st;
    if (!region_has_file(from) || region_is_deleted(from) ||
        sys_call(SYS_newfstatat, AT_FDCWD, (long)from->name, (long)&st, 0) != 0 || st.st_ino != from->inode)
        return;
    to->flags |= REGION_FILE;
    to->device = st.st_dev;
    to->inode = st.st_ino;
    to->file_size = (uint64_t)st.st_size;
    to->mtime_seconds = st.st_mtim.tv_sec;
    to->mtime_nanoseconds = st.st_mtim.tv_nsec;
    bool first_page = from->offset == 0 && (from->prot & PROT_READ) && st.st_size >= (off_t)ARCH_PAGE_SIZE;
    const uint8_t *id = first_page ? build_id_find((const void *)from->start) : NULL; // NOLINT
    if (id == NULL && previous != NULL && previous->name == to->name)
        id = previous->build_id; /* the next region of the same file */
    if (id != NULL)
        memcpy(to->build_id, id, BUILD_ID_SIZE);
}

/*
 * Stored is everything but the kernel's data, memory without content, and files that are unchanged.
 * [vdso] is stored for gdb, and for restart to compare; restart moves its own.
 */
static bool must_store(const struct region_table *t, const struct image_region *r, int pagemap)
{
    if (r->flags & REGION_KERNEL)
        return strcmp(t->names + r->name, "[vdso]") == 0;
    if (r->flags & REGION_SHARED)
        return false;
    if (r->flags & REGION_FILE)
        return t->full || pages_have_own(pagemap, r);
    return r->prot != PROT_NONE || pages_have_own(pagemap, r);
}

/* Copies the name behind the others; the regions of one file follow each other and share one copy. */
static int add_name(struct region_table *t, const char *name, uint32_t *at)
{
    size_t size = strlen(name) + 1;
    if (t->count > 0) {
        *at = t->regions[t->count - 1].name;
        if (strcmp(t->names + *at, name) == 0)
            return 0;
    }
    if (size > t->names_max - t->names_size)
        return -E2BIG;
    *at = (uint32_t)t->names_size;
    memcpy(t->names + t->names_size, name, size);
    t->names_size += size;
    return 0;
}

static int add_region(struct region_table *t, const struct region *from, bool is_kernel, int pagemap)
{
    struct image_region *to = &t->regions[t->count];
    if (t->count == t->max)
        return -E2BIG;
    *to = (struct image_region){.start = from->start, .end = from->end, .offset = from->offset, .prot = (uint32_t)from->prot};
    to->flags = (from->shared ? REGION_SHARED : 0) | (is_kernel ? REGION_KERNEL : 0) |
                (strcmp(from->name, "[stack]") == 0 ? REGION_GROWS_DOWN : 0);
    int error = add_name(t, from->name, &to->name);
    if (error != 0)
        return error;
    identify_file(to, from, t->count > 0 ? to - 1 : NULL);
    if (must_store(t, to, pagemap))
        to->flags |= REGION_STORED;
    t->count++;
    return 0;
}

static int refuse_shared(const struct region *region)
{
    char start[TEXT_NUMBER_SIZE], end[TEXT_NUMBER_SIZE];
    say("libckpt: region ", text_number(start, region->start, 16), "-", text_number(end, region->end, 16), " ",
        region->name, " is writable and shared with others; stage 4 saves these", NULL);
    return -EPERM;
}

static int read_all(struct region_table *t, struct maps_reader *reader, const struct arena *arena, int pagemap)
{
    struct region region;
    int got, error = 0;
    while (error == 0 && (got = maps_next(reader, &region)) == 1) {
        //@ step 2.4 Put each region of the process into the table.
        //@ Leave out the arena (it starts at arena->start and is not the program's) and whatever lies beyond
        //@ ARCH_USER_END, such as [vsyscall]. region_plan() of stage 1 says what to do with the others:
        //@ error = refuse_shared(&region) for PLAN_REFUSE, or else
        //@ error = add_region(t, &region, plan == PLAN_KERNEL, pagemap).
        //@ stub: (void)refuse_shared, (void)add_region;
        if (region.start == arena->start || region.start >= ARCH_USER_END)
            continue;
        enum region_plan plan = region_plan(&region);
        if (plan == PLAN_REFUSE)
            error = refuse_shared(&region);
        else
            error = add_region(t, &region, plan == PLAN_KERNEL, pagemap);
        //@ end
    }
    return error != 0 ? error : got;
}

int regions_read(struct region_table *table, struct arena *arena)
{
    struct maps_reader reader;
    char *line_buffer = arena_take(arena, MAPS_BUFFER_SIZE);
    long fd = sys_open("/proc/self/maps", O_RDONLY | O_CLOEXEC, 0);
    if (fd < 0)
        return (int)fd;
    int pagemap = pages_open();
    maps_start(&reader, (int)fd, line_buffer, MAPS_BUFFER_SIZE);
    int error = read_all(table, &reader, arena, pagemap);
    sys_close(pagemap);
    sys_close((int)fd);
    return error;
}
