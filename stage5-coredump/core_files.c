/*
 * core_files.c - is this file the one that the program had mapped?  A core file has its name only.
 *
 * The proof is the build id: the core has the first page of each ELF file that was mapped (coredump_filter, bit
 * 4), and the same page of the file has the same id.  Without one, the page itself must be the same; and
 * without that, the file must at least be older than the core.
 */
#include "core.h"
#include "build_id.h"

/* Where the beginning of the file was mapped, if the core has that page. */
static bool first_page(const struct core *core, const char *old_name, uint8_t page[ARCH_PAGE_SIZE])
{
    for (const struct core_file *file = core->files; file < core->files + core->file_count; file++)
        if (file->offset == 0 && strcmp(file->name, old_name) == 0)
            return core_read(core, file->start, page, ARCH_PAGE_SIZE);
    return false;
}

static const char *compare_pages(const uint8_t *core_page, const uint8_t *file_page)
{
    const uint8_t *was = build_id_find(core_page), *is = build_id_find(file_page);
    /* TODO 5.2: Is it the same file?
     * If both pages have a build id, compare these (BUILD_ID_SIZE bytes); else the pages' first 64 bytes, the ELF
     * header. Return NULL if they are equal, or a sentence that says what is wrong. */
    (void)was, (void)is;
    return NULL;
}

/* A program is an ELF file, whether the core has its first page or not (gcore leaves it out). */
static bool is_program(const struct core *core, const char *old_name)
{
    const struct core_file *file = core_file_at(core, core_aux(core, AT_ENTRY));
    return file != NULL && strcmp(file->name, old_name) == 0;
}

/* What is in the way of taking the file for the one that was, or NULL. */
static const char *problem(const struct core *core, const char *old_name, int fd, const struct stat *now)
{
    uint8_t was[ARCH_PAGE_SIZE], is[ARCH_PAGE_SIZE] = {0};
    struct stat core_now;
    if (!S_ISREG(now->st_mode))
        return "no regular file";
    if (pread(fd, is, sizeof is, 0) < 0)
        return strerror(errno);
    bool is_elf = memcmp(is, ELFMAG, SELFMAG) == 0, known = first_page(core, old_name, was);
    if (!is_elf && ((known && memcmp(was, ELFMAG, SELFMAG) == 0) || is_program(core, old_name)))
        return "another file: no ELF file, and that of the core is one; a script that starts the program, perhaps";
    if (is_elf && known)
        return compare_pages(was, is);
    if (fstat(core->fd, &core_now) != 0 || now->st_mtim.tv_sec > core_now.st_mtim.tv_sec)
        return "changed since the core was written, as far as its time tells, and the core has no page to compare";
    return NULL;
}

void core_identify(const struct core *core, struct image_region *region, const char *name)
{
    struct stat now;
    const struct core_file *file = core_file_at(core, region->start);
    bool is_fifo = stat(name, &now) == 0 && S_ISFIFO(now.st_mode); /* to open it would wake its other end */
    int fd = is_fifo ? -1 : open(name, O_RDONLY | O_NONBLOCK | O_CLOEXEC);
    const char *why = is_fifo ? "no regular file" :
                      fd < 0 || fstat(fd, &now) != 0 ? strerror(errno) : problem(core, file->name, fd, &now);
    if (fd >= 0)
        close(fd);
    if (why != NULL && strcmp(name, file->name) != 0)
        errx(EX_NOINPUT, "%s: %s (is it the program that ran?)", name, why);
    if (why != NULL && !(region->flags & REGION_STORED))
        errx(EX_NOINPUT, "%s: %s. The core does not hold its pages, so it is needed", name, why);
    if (why != NULL) { /* restart_plan.c makes it anonymous memory, with a message */
        region->file_size = ~0UL;
        return;
    }
    region->device = now.st_dev;
    region->inode = now.st_ino;
    region->file_size = (uint64_t)now.st_size;
    region->mtime_seconds = now.st_mtim.tv_sec;
    region->mtime_nanoseconds = now.st_mtim.tv_nsec;
}

/* Any file that is no ELF file: what a program maps besides its code it may want to write. */
static uint32_t data_protection(const char *name)
{
    return access(name, W_OK) == 0 ? PROT_READ | PROT_WRITE : PROT_READ;
}

static uint32_t protection_of(const Elf64_Phdr *segment)
{
    return (segment->p_flags & PF_R ? PROT_READ : 0) | (segment->p_flags & PF_W ? PROT_WRITE : 0) |
           (segment->p_flags & PF_X ? PROT_EXEC : 0);
}

/* True if the page at `offset` of the file belongs to this segment of it. */
static bool has_page(const Elf64_Phdr *segment, uint64_t offset)
{
    /* TODO 5.1: Which segment of the file was mapped here?
     * A PT_LOAD is mapped in whole pages, so it begins at p_offset rounded down to a page, and ends at p_offset +
     * p_filesz. */
    return false;
}

/* The mapping that begins the library or program to which this one belongs: the last before it at offset 0. */
static const struct core_file *first_mapping(const struct core *core, const struct core_file *file)
{
    const struct core_file *first = NULL;
    for (const struct core_file *f = core->files; f <= file; f++)
        if (f->offset == 0 && strcmp(f->name, file->name) == 0)
            first = f;
    return first;
}

/*
 * Two segments that share a page of the file (lld makes such) have it at two addresses.  How far a mapping is
 * moved against the file, from the first mapping on, is p_vaddr - p_offset of its segment.
 */
static bool is_moved_alike(const struct core *core, const struct core_file *file, const Elf64_Phdr *segment,
                           uint64_t begin)
{
    const struct core_file *first = first_mapping(core, file);
    return first == NULL ||
           file->start - file->offset - (first->start - begin) == segment->p_vaddr - segment->p_offset;
}

/* The protection by the PT_LOADs of the file. */
static uint32_t find_protection(const struct core *core, const struct core_file *file, int fd,
                                const Elf64_Ehdr *elf, uint64_t offset)
{
    Elf64_Phdr segment;
    uint64_t begin = ~0UL; /* the address of the first PT_LOAD in the file, which is 0 if it can be moved */
    for (unsigned i = 0; i < elf->e_phnum; i++) {
        if (pread(fd, &segment, sizeof segment, (off_t)(elf->e_phoff + i * sizeof segment)) != sizeof segment)
            break;
        if (begin == ~0UL && segment.p_type == PT_LOAD)
            begin = (segment.p_vaddr - segment.p_offset) / ARCH_PAGE_SIZE * ARCH_PAGE_SIZE;
        if (has_page(&segment, offset) && is_moved_alike(core, file, &segment, begin))
            return protection_of(&segment);
    }
    return PROT_NONE; /* between two segments, ld.so maps nothing that may be touched */
}

uint32_t core_protection(const struct core *core, const struct core_file *file, const char *name, uint64_t offset)
{
    Elf64_Ehdr elf;
    int fd = open(name, O_RDONLY | O_NONBLOCK | O_CLOEXEC);
    bool is_elf = fd >= 0 && pread(fd, &elf, sizeof elf, 0) == sizeof elf &&
                  memcmp(elf.e_ident, ELFMAG, SELFMAG) == 0;
    uint32_t prot = is_elf ? find_protection(core, file, fd, &elf, offset) : data_protection(name);
    if (fd >= 0)
        close(fd);
    return prot;
}
