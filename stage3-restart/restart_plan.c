/* restart_plan.c - checks everything that a restart needs, before anything is destroyed.  Given. */
#include "restart_plan.h"
#include "build_id.h"
#include "maps.h"
#include "platform_plan.h"
#include "vdso_bridge.h"

/* Reads restart's own address space, with the parser of stage 1.  False: it cannot, or it is full of regions. */
static bool read_own_maps(struct own_maps *maps)
{
    static char buffer[MAPS_BUFFER_SIZE];
    struct maps_reader reader;
    struct region r;
    int got = -1, fd = open("/proc/self/maps", O_RDONLY | O_CLOEXEC);
    maps->count = maps->move_count = 0;
    maps_start(&reader, fd, buffer, sizeof buffer);
    while (maps->count < MAX_OWN_REGIONS && maps->move_count < MAX_KERNEL_MOVES &&
           (got = maps_next(&reader, &r)) == 1 && r.start < ARCH_USER_END) {
        maps->ranges[maps->count++] = (struct range){r.start, r.end};
        if (region_plan(&r) != PLAN_KERNEL)
            continue;
        struct kernel_move *move = &maps->moves[maps->move_count++];
        *move = (struct kernel_move){.from = r.start, .size = r.end - r.start};
        snprintf(move->name, sizeof move->name, "%s", r.name);
    }
    close(fd);
    return got == 0 || (got == 1 && r.start >= ARCH_USER_END); /* [vsyscall], the last, is in every process */
}

static bool is_same_file(int fd, const struct image_region *r)
{
    struct stat st;
    char page[ARCH_PAGE_SIZE] = {0}; /* a file may be shorter */
    if (fstat(fd, &st) != 0 || (uint64_t)st.st_size != r->file_size)
        return false;
    if (st.st_dev == r->device && st.st_ino == r->inode && st.st_mtim.tv_sec == r->mtime_seconds &&
        st.st_mtim.tv_nsec == r->mtime_nanoseconds)
        return true;
    const uint8_t *id = pread(fd, page, sizeof page, 0) > 0 ? build_id_find(page) : NULL;
    return id != NULL && memcmp(id, r->build_id, BUILD_ID_SIZE) == 0;
}

/*
 * NULL if the file is the one that it was, and can be mapped as the restorer will map it; else what is
 * in the way (a static string).  A file is the same if it has its old size, and either device, inode
 * and time of change are the same or its build id is: then it is the same file on another machine.
 */
static const char *file_problem(const struct image_region *region, const char *name)
{
    struct stat now;
    struct statvfs where;
    const char *problem = NULL;
    if (stat(name, &now) == 0 && S_ISFIFO(now.st_mode))
        return "it is a FIFO now"; /* and to open it would wake who waits at its other end */
    int fd = open(name, O_RDONLY | O_NONBLOCK | O_CLOEXEC);
    if (fd < 0 || fstatvfs(fd, &where) != 0)
        problem = strerror(errno);
    else if (!is_same_file(fd, region))
        problem = "the file has changed since the checkpoint";
    else if ((region->prot & PROT_EXEC) && (where.f_flag & ST_NOEXEC))
        problem = "its file system is mounted noexec now";
    close(fd);
    return problem;
}

/* A region of a file: the same file again, or all its bytes from the image (1: a difference), or no restart. */
static int check_file(struct image_region *region, const char *name)
{
    const char *problem = file_problem(region, name);
    if (problem == NULL)
        return 0;
    if (!(region->flags & REGION_STORED))
        errx(EX_NOINPUT, "cannot map %s again: %s; and the image does not hold all its pages (CKPT_FULL=1 at the "
             "checkpoint stores all of private mappings)", name, problem);
    warnx("%lx-%lx will be anonymous memory, no longer %s: %s", region->start, region->end, name, problem);
    region->flags &= ~(uint32_t)REGION_FILE;
    return 1;
}

/* True if the image's copy of a kernel mapping, if it has one, is byte for byte what this kernel has. */
static bool same_bytes(const struct image *image, const Elf64_Phdr *load, uint64_t own)
{
    static char stored[1 << 16];
    return load->p_filesz <= sizeof stored &&
           image_pread(image, stored, load->p_filesz, load->p_offset) &&
           memcmp(stored, (const void *)own, load->p_filesz) == 0; // NOLINT: an address becomes a pointer here
}

/*
 * Each of the kernel's mappings in the image ([vdso] and what it reads) should exist here too, with the same
 * size and content: the program jumps into it.  Notes where ours goes.  False: it is another kernel's.
 */
static bool plan_move(struct own_maps *own, const struct image *image, size_t region)
{
    const struct image_region *r = &image->regions[region];
    const char *name = image->names + r->name;
    struct kernel_move *move = own->moves;
    while (move < own->moves + own->move_count && strcmp(move->name, name) != 0)
        move++;
    if (move == own->moves + own->move_count || move->size != r->end - r->start ||
        !same_bytes(image, &image->loads[region], move->from))
        return false;
    move->to = r->start;
    return true;
}

static void check_regions(struct restart_plan *plan)
{
    bool same_kernel = true;
    for (size_t i = 0; i < plan->image.region_count; i++) {
        struct image_region *r = &plan->image.regions[i];
        const char *name = plan->image.names + r->name;
        if ((r->flags & REGION_SHARED) && ((r->prot & PROT_WRITE) || !(r->flags & REGION_FILE)) &&
            !saves_shared_memory)
            errx(EX_DATAERR, "region %lx-%lx %s is shared with others and writable; stage 4 restores these",
                 r->start, r->end, name);
        if (r->flags & REGION_KERNEL)
            same_kernel &= plan_move(&plan->own, &plan->image, i);
        else if (r->flags & REGION_FILE)
            plan->differences += check_file(r, name);
    }
    if (!same_kernel)
        vdso_bridge(plan);
}

/*
 * The regions must fit into this process's limits; the program's own limits come later, with its other
 * state.  A soft limit may be raised up to the hard one.
 */
static void raise_limit(int which, const struct image *image, uint32_t prot)
{
    struct rlimit limit;
    uint64_t size = 0;
    for (size_t i = 0; i < image->region_count; i++)
        if ((image->regions[i].prot & prot) == prot)
            size += image->loads[i].p_memsz;
    getrlimit((__rlimit_resource_t)which, &limit);
    limit.rlim_cur = limit.rlim_max;
    setrlimit((__rlimit_resource_t)which, &limit);
    if (limit.rlim_max < size)
        errx(EX_OSERR, "it needs %lu bytes of memory, the limit is %lu (ulimit -v, -d)", size, limit.rlim_max);
}

void plan_open(struct restart_plan *plan, const char *path)
{
    sigset_t all;
    size_t size;
    sigfillset(&all);
    sigprocmask(SIG_BLOCK, &all, NULL);
    int status = image_open(&plan->image, path);
    if (status != 0)
        errx(status, "%s: %s", path, plan->image.why);
    const char *losses = image_note(&plan->image, IMAGE_NOTE_NAME, NOTE_LOST, 1, &size);
    plan->differences += losses != NULL;
    if (losses != NULL) /* nothing is lost in silence */
        fprintf(stderr, "restart: not brought back:\n%.*s", (int)size, losses);
    platform_plan(&plan->image, plan->any_processor != 0);
    times_end(&plan->times, "open the image");
}

void plan_make(struct restart_plan *plan)
{
    if (!read_own_maps(&plan->own)) /* no malloc() after this: it could map more memory */
        errx(EX_OSERR, "/proc/self/maps cannot be read");
    check_regions(plan);
    raise_limit(RLIMIT_AS, &plan->image, PROT_NONE);
    raise_limit(RLIMIT_DATA, &plan->image, PROT_WRITE);
    block_build(plan);
}
