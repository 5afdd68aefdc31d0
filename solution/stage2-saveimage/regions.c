/* regions.c - reads this process's regions into the table of regions.h. */
#include "regions.h"
#include "build_id.h"
#include "silly_name.h"
#include "lazy_pages.h"
#include "part.h"
#include "region_cut.h"

/*
 * Notes which file this is.  If the name leads to another file now (the old one was deleted or
 * replaced), the region gets no REGION_FILE, and all its pages will be stored.  So it is with a file that is
 * itself an image.
 */
static void identify_file(struct image_region *to, const struct region *from, const struct image_region *previous)
{
    struct stat st;
    if (!region_has_file(from) || region_is_deleted(from) || name_is_hidden(from->name) ||
        sys_call(SYS_newfstatat, AT_FDCWD, (long)from->name, (long)&st, 0) != 0 || st.st_ino != from->inode)
        return;
    bool known = previous != NULL && (previous->flags & REGION_FILE) && previous->inode == from->inode &&
                 previous->device == st.st_dev;
    if (!known && !from->shared && S_ISREG(st.st_mode) && lazy_is_image(from->name)) {
        to->flags |= REGION_LAZY;
        return;
    }
    to->flags |= REGION_FILE;
    to->device = st.st_dev;
    to->file_size = (uint64_t)st.st_size;
    to->mtime_seconds = st.st_mtim.tv_sec;
    to->mtime_nanoseconds = st.st_mtim.tv_nsec;
    bool first_page = from->offset == 0 && sys_can_read(from->start);
    const uint8_t *id = first_page ? build_id_find((const void *)from->start) : NULL; // NOLINT
    if (id == NULL && previous != NULL && previous->inode == to->inode && previous->device == to->device)
        id = previous->build_id; /* the next region of the same file */
    if (id != NULL)
        memcpy(to->build_id, id, BUILD_ID_SIZE);
}

/*
 * Stored is everything but the kernel's data, memory without content, and files that are unchanged.
 * [vdso] is stored for gdb, and for restart to compare; restart moves its own.
 */
static bool must_store(const struct image_region *r, const char *name, bool full, struct pagemap *pagemap)
{
    pagemap->anonymous = r->inode == 0;
    if (r->flags & REGION_KERNEL)
        return strcmp(name, "[vdso]") == 0;
    if (r->flags & REGION_SHARED) /* the program's writable ones are its memory, whoever else sees them */
        return (r->prot & PROT_WRITE) || !(r->flags & REGION_FILE);
    bool without_content = r->flags & REGION_FILE ? !full : r->prot == PROT_NONE && r->inode == 0;
    return !without_content || pages_have_own(pagemap, r);
}

static int add_region(struct arena *arena, const struct region *from, bool is_kernel, bool full)
{
    struct region_table *t = &arena->table;
    struct image_region *to = &t->regions[t->count];
    size_t name_size = strlen(from->name) + 1;
    if (t->count == IMAGE_MAX_REGIONS || name_size > sizeof t->names - t->names_size)
        return -E2BIG;
    *to = (struct image_region){
        .start = from->start, .end = from->end, .offset = from->offset, .inode = from->inode,
        .prot = (uint32_t)from->prot, .name = (uint32_t)t->names_size,
        .flags = (from->shared ? REGION_SHARED : 0) | (is_kernel ? REGION_KERNEL : 0) |
                 (strcmp(from->name, "[stack]") == 0 ? REGION_GROWS_DOWN : 0),
    };
    if (starts_with(from->name, "/anon_hugepage") && !from->shared)
        to->inode = 0; /* MAP_HUGETLB: memory like other memory, though maps shows a file */
    memcpy(t->names + t->names_size, from->name, name_size);
    t->names_size += name_size;
    identify_file(to, from, t->count > 0 ? to - 1 : NULL);
    if (must_store(to, from->name, full, &arena->pagemap))
        to->flags |= REGION_STORED;
    t->count++;
    return region_cut(t, &arena->pagemap);
}

static int refuse_shared(const struct region *region)
{
    say("libckpt: region ", text_number(region->start, 16).digits, "-", text_number(region->end, 16).digits, " ",
        region->name, " is writable and shared with others; stage 4 saves these", NULL);
    return -EPERM;
}

static int read_all(struct arena *arena, struct maps_reader *reader, bool full)
{
    struct region region;
    int got, error = 0;
    while (error == 0 && (got = maps_next(reader, &region)) == 1) {
        //@ step 2.4 Put each region of the process into the table.
        //@ Leave out the arena (it starts at arena->start and is not the program's) and whatever lies beyond
        //@ ARCH_USER_END, such as [vsyscall]. region_plan() of stage 1 says what to do with the others:
        //@ refuse_shared() for PLAN_REFUSE, unless this build saves_shared_memory (part.h: ask for it, since
        //@ other builds will use this very function), and add_region() for the rest.
        //@ stub: (void)refuse_shared, (void)add_region;
        if (region.start == arena->start || region.start >= ARCH_USER_END)
            continue;
        enum region_plan plan = region_plan(&region);
        if (plan == PLAN_REFUSE && !saves_shared_memory)
            error = refuse_shared(&region);
        else
            error = add_region(arena, &region, plan == PLAN_KERNEL, full);
        //@ end
    }
    return error != 0 ? error : got;
}

int regions_read(struct arena *arena, bool full)
{
    struct maps_reader reader;
    long fd = sys_open("/proc/self/maps", O_RDONLY | O_CLOEXEC, 0);
    if (fd < 0)
        return (int)fd;
    page_runs_open(&arena->pagemap);
    maps_start(&reader, (int)fd, arena->maps_line, sizeof arena->maps_line);
    int error = read_all(arena, &reader, full);
    sys_close(arena->pagemap.fd);
    sys_close((int)fd);
    return error;
}
