/*
 * core_regions.c - what was mapped, told from a core file.  Three sources, each with gaps:
 *
 *     PT_LOADs     |data |data+hole|        |stack|          what was dumped, in part or with no bytes at all
 *     NT_FILE      |file |file     |file    |                which files; without protections
 *     our own maps                     |vvar|vdso|           the kernel's: the same here, at another address; under
 *                                                            another kernel only its [vdso] is told (core_vdso.c)
 *
 *     regions      |store|store|map|map     |move|move|stack |
 *
 * A PT_LOAD whose bytes end before its memory does becomes two regions, one that is stored and one that is not.
 */
#include "core.h"
#include "maps.h"

#include <sys/auxv.h>

static void *grow(void *memory, size_t size)
{
    memory = realloc(memory, size);
    if (memory == NULL)
        err(EX_OSERR, "the list of regions");
    return memory;
}

static uint32_t add_name(struct core_regions *list, const char *name)
{
    size_t size = strlen(name) + 1, at = list->names_size;
    list->names = grow(list->names, at + size);
    memcpy(list->names + at, name, size);
    list->names_size += size;
    return (uint32_t)at;
}

/* Adds one region; it is stored in the core from `offset` on if it has REGION_STORED. */
static struct image_region *add(struct core_regions *list, struct image_region region, uint64_t offset)
{
    if (list->count == list->room) {
        list->room = list->room * 2 + 64;
        list->regions = grow(list->regions, list->room * sizeof *list->regions);
        list->loads = grow(list->loads, list->room * sizeof *list->loads);
    }
    uint64_t size = region.end - region.start;
    list->loads[list->count] = (Elf64_Phdr){
        .p_type = PT_LOAD, .p_offset = offset, .p_vaddr = region.start, .p_memsz = size,
        .p_filesz = region.flags & REGION_STORED ? size : 0};
    list->regions[list->count] = region;
    return &list->regions[list->count++];
}

/* The stretch from `start` to `end` of one PT_LOAD: cut where a file begins or ends. */
static void add_stretch(struct core_regions *list, const struct core *core, const Elf64_Phdr *load, uint64_t start,
                        uint64_t end, uint32_t flags)
{
    while (start < end) {
        const struct core_file *file = core_file_at(core, start);
        uint64_t stop = file != NULL && file->end < end ? file->end : end;
        for (size_t i = 0; i < core->file_count; i++)
            if (core->files[i].start > start && core->files[i].start < stop)
                stop = core->files[i].start;
        struct image_region region = {.start = start, .end = stop, .flags = flags};
        region.prot = (load->p_flags & PF_R ? PROT_READ : 0) | (load->p_flags & PF_W ? PROT_WRITE : 0) |
                      (load->p_flags & PF_X ? PROT_EXEC : 0);
        if (file != NULL) {
            region.flags |= REGION_FILE;
            region.offset = file->offset + (start - file->start);
        }
        region.name = file != NULL ? add_name(list, file->name) : add_name(list, "");
        add(list, region, load->p_offset + (start - load->p_vaddr));
        start = stop;
    }
}

static void add_loads(struct core_regions *list, const struct core *core)
{
    for (const Elf64_Phdr *load = core->segments; load < core->segments + core->segment_count; load++) {
        if (load->p_type != PT_LOAD || load->p_vaddr >= ARCH_USER_END || load->p_memsz == 0)
            continue; /* [vsyscall] lies beyond */
        uint64_t start = load->p_vaddr, end = start + load->p_memsz;
        if ((start | end) % ARCH_PAGE_SIZE != 0 || end > ARCH_USER_END || end < start ||
            load->p_filesz > load->p_memsz)
            errx(EX_DATAERR, "%s: a segment at 0x%lx is impossible", core->path, start);
        uint64_t stored = start + load->p_filesz / ARCH_PAGE_SIZE * ARCH_PAGE_SIZE;
        add_stretch(list, core, load, start, stored, REGION_STORED);
        add_stretch(list, core, load, stored, end, 0);
    }
}

/* The program's own file, as NT_FILE names it: that which has the entry point. */
static const char *program_name(const struct core *core)
{
    const struct core_file *file = core_file_at(core, core_aux(core, AT_ENTRY));
    return file != NULL ? file->name : "";
}

static bool is_there(const struct core_regions *list, size_t count, uint64_t address, uint64_t *next)
{
    *next = ARCH_USER_END;
    for (const struct image_region *r = list->regions; r < list->regions + count; r++) {
        if (address >= r->start && address < r->end) {
            *next = r->end;
            return true;
        }
        if (r->start > address && r->start < *next)
            *next = r->start;
    }
    return false;
}

/* gcore(1) leaves out what can be read in the file: text, constants.  Only NT_FILE knows of it. */
static void add_missing_files(struct core_regions *list, const struct core *core, const char *program)
{
    size_t count = list->count; /* of those that came from PT_LOADs */
    const char *old = program_name(core);
    for (const struct core_file *file = core->files; file < core->files + core->file_count; file++)
        for (uint64_t next, at = file->start; at < file->end; at = next) {
            bool there = is_there(list, count, at, &next);
            if (next > file->end)
                next = file->end;
            if (there)
                continue;
            struct image_region region = {.start = at, .end = next, .offset = file->offset + (at - file->start),
                                          .flags = REGION_FILE, .name = add_name(list, file->name)};
            bool moved = program != NULL && strcmp(file->name, old) == 0;
            region.prot = core_protection(core, file, moved ? program : file->name, region.offset);
            add(list, region, 0);
        }
}

/* gcore does not name it.  Where anything else is, this is not it. */
static void add_random(struct core_regions *list, struct core_range range)
{
    uint64_t next;
    bool there = range.start == range.end || is_there(list, list->count, range.start, &next);
    if (there || next < range.end)
        return;
    struct image_region region = {.start = range.start, .end = range.end, .prot = PROT_READ | PROT_WRITE};
    region.name = add_name(list, "");
    add(list, region, 0);
}

/* Takes what lies in the range out of the list: the kernel's mapping comes there. */
static void remove_range(struct core_regions *list, uint64_t start, uint64_t end)
{
    size_t kept = 0;
    for (size_t i = 0; i < list->count; i++) {
        if (list->regions[i].start < end && list->regions[i].end > start)
            continue;
        list->regions[kept] = list->regions[i];
        list->loads[kept++] = list->loads[i];
    }
    list->count = kept;
}

/* One of the kernel's mappings here has this place in the program: as far from [vdso] there as here. */
static void add_kernel_region(struct core_regions *list, const struct region *own, long distance)
{
    struct image_region region = {.start = own->start + (uint64_t)distance, .end = own->end + (uint64_t)distance,
                                  .prot = (uint32_t)own->prot, .flags = REGION_KERNEL};
    remove_range(list, region.start, region.end);
    region.name = add_name(list, own->name);
    add(list, region, 0);
}

/* The program's vdso, whose bytes are in each core: restart compares them with our own.  NULL: it has none. */
static struct image_region *find_vdso(struct core_regions *list, uint64_t start)
{
    for (struct image_region *r = list->regions; r < list->regions + list->count; r++)
        if (r->start == start && (r->flags & REGION_STORED))
            return r;
    return NULL;
}

/* The same code has its data at the same distance.  Of another kernel we know only where the code was. */
static bool is_own_vdso(const struct core *core, const struct image_region *vdso, uint64_t here)
{
    static char then[1 << 16], now[1 << 16];
    uint64_t size = vdso->end - vdso->start;
    return size <= sizeof then && core_read(core, vdso->start, then, size) && sys_peek(here, now, size) &&
           memcmp(then, now, size) == 0;
}

static void add_kernel(struct core_regions *list, const struct core *core)
{
    static char buffer[MAPS_BUFFER_SIZE];
    uint64_t there = core_aux(core, AT_SYSINFO_EHDR), here = getauxval(AT_SYSINFO_EHDR);
    struct image_region *vdso = there == 0 ? NULL : find_vdso(list, there);
    struct maps_reader reader;
    struct region own;
    if (there % ARCH_PAGE_SIZE != 0)
        errx(EX_DATAERR, "the core is broken: its vdso (AT_SYSINFO_EHDR) does not begin with a page");
    if (vdso != NULL) {
        vdso->flags |= REGION_KERNEL;
        vdso->name = add_name(list, "[vdso]");
    }
    if (there == 0 || (vdso != NULL && !is_own_vdso(core, vdso, here)))
        return;
    int fd = open("/proc/self/maps", O_RDONLY | O_CLOEXEC);
    maps_start(&reader, fd, buffer, sizeof buffer);
    while (maps_next(&reader, &own) == 1)
        if (region_plan(&own) == PLAN_KERNEL && own.start < ARCH_USER_END && (vdso == NULL || own.start != here))
            add_kernel_region(list, &own, (long)(there - here));
    close(fd);
}

/* Sorts regions and loads together. */
static void sort(struct core_regions *list)
{
    for (size_t i = 1; i < list->count; i++)
        for (size_t j = i; j > 0 && list->regions[j].start < list->regions[j - 1].start; j--) {
            struct image_region region = list->regions[j];
            Elf64_Phdr load = list->loads[j];
            list->regions[j] = list->regions[j - 1];
            list->loads[j] = list->loads[j - 1];
            list->regions[j - 1] = region;
            list->loads[j - 1] = load;
        }
}

static void finish(struct core_regions *list, const struct core *core, const char *program)
{
    const char *old = program_name(core);
    uint64_t top = core_aux(core, AT_EXECFN); /* exec put the program's name at the top of the stack */
    uint32_t moved = program != NULL ? add_name(list, program) : 0;
    for (size_t i = 0; i < list->count; i++) {
        struct image_region *r = &list->regions[i];
        if (i > 0 && r->start < r[-1].end)
            errx(EX_DATAERR, "%s: two segments overlap at 0x%lx", core->path, r->start);
        if (program != NULL && (r->flags & REGION_FILE) && strcmp(list->names + r->name, old) == 0)
            r->name = moved;
        if (top >= r->start && top < r->end && !(r->flags & REGION_FILE))
            r->flags |= REGION_GROWS_DOWN; /* the main stack */
        if (r->flags & REGION_FILE)
            core_identify(core, r, list->names + r->name);
    }
}

void core_regions(const struct core *core, struct image *image, const char *program)
{
    static struct image_context none; /* the second life does not begin in libckpt */
    static char no_notes[1];
    static const Elf64_Phdr empty = {.p_type = PT_NOTE};
    struct core_regions list = {0};
    add_name(&list, "");
    add_loads(&list, core);
    add_missing_files(&list, core, program);
    add_kernel(&list, core);
    add_random(&list, core_random(core));
    sort(&list);
    finish(&list, core, program);
    *image = (struct image){.fd = core->fd, .size = core->size, .regions = list.regions, .loads = list.loads,
                            .region_count = list.count, .names = list.names, .names_size = list.names_size,
                            .context = &none, .head = no_notes, .segments = &empty};
    image->head_size = list.count * (sizeof *list.regions + sizeof *list.loads) + list.names_size;
}
