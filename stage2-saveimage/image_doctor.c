/*
 * image_doctor.c - finds all that is wrong with an image.
 *
 * It looks at the file as gdb does (ELF header, program headers, notes) and believes nothing: each number
 * is checked against the file's size before it is used.  Given.
 */
#include "image_doctor.h"
#include "arch_core.h"
#include "image.h"
#include "libc.h"
#include "no_image.h"

#include <sys/procfs.h>
#include <sys/user.h>

struct patient {
    const unsigned char *bytes; /* the whole file, mapped */
    uint64_t size;
    const Elf64_Ehdr *elf;
    const Elf64_Phdr *segments;
    size_t count;
    unsigned findings;
    bool cut_off;
};

__attribute__((format(printf, 2, 3))) static void finding(struct patient *p, const char *format, ...)
{
    va_list args;
    va_start(args, format);
    printf("%2u. ", ++p->findings);
    vprintf(format, args);
    putchar('\n');
    va_end(args);
}

/* True if [offset, offset + size) lies in the file; otherwise a finding says how much is missing. */
static bool in_file(struct patient *p, uint64_t offset, uint64_t size, const char *what)
{
    if (offset <= p->size && size <= p->size - offset)
        return true;
    finding(p, "the file is cut off: %s should end at byte %lu, the file has %lu", what, offset + size, p->size);
    return false;
}

static bool check_elf(struct patient *p)
{
    p->elf = (const Elf64_Ehdr *)p->bytes;
    if (p->size < sizeof *p->elf || memcmp(p->bytes, ELFMAG, SELFMAG) != 0) {
        finding(p, "this is not an ELF file: it does not begin with 7f 45 4c 46");
        return false;
    }
    if (p->elf->e_ident[EI_CLASS] != ELFCLASS64 || p->elf->e_machine != ARCH_ELF_MACHINE)
        finding(p, "the ELF header is not that of a 64-bit " ARCH_MACHINE_NAME " file (class %u, machine %u)",
                p->elf->e_ident[EI_CLASS], p->elf->e_machine);
    if (p->elf->e_type != ET_CORE) {
        finding(p, "e_type is %u, not ET_CORE (%d): this is no core file", p->elf->e_type, ET_CORE);
        return false;
    }
    if (p->elf->e_phentsize != sizeof(Elf64_Phdr)) {
        finding(p, "e_phentsize is %u; a program header has %zu bytes", p->elf->e_phentsize, sizeof(Elf64_Phdr));
        return false;
    }
    p->count = p->elf->e_phnum;
    if (!in_file(p, p->elf->e_phoff, p->count * sizeof(Elf64_Phdr), "the table of program headers"))
        return false;
    p->segments = (const Elf64_Phdr *)(p->bytes + p->elf->e_phoff);
    return true;
}

static const Elf64_Phdr *find_notes(struct patient *p)
{
    const Elf64_Phdr *notes = NULL;
    for (size_t i = 0; i < p->count; i++) {
        if (p->segments[i].p_type == PT_NOTE && notes == NULL)
            notes = &p->segments[i];
        else if (p->segments[i].p_type != PT_LOAD)
            finding(p, "program header %zu has type %u: neither the PT_NOTE (4) nor a PT_LOAD (1)", i,
                    p->segments[i].p_type);
    }
    if (notes == NULL)
        finding(p, "there is no PT_NOTE: no registers, so gdb shows no backtrace");
    else if (notes->p_align != 4)
        finding(p, "PT_NOTE has p_align %lu; with anything but 4 gdb says \"not a core dump\"", notes->p_align);
    return notes;
}

/* One CORE or CKPT note, somewhere in the file. */
struct note {
    uint32_t type;
    const unsigned char *value;
    uint64_t size;
};

/* Steps through the frames; *at starts at the first.  False at the end, and where the frames are broken. */
static bool next_note(struct patient *p, const Elf64_Phdr *segment, uint64_t *at, struct note *note)
{
    uint64_t end = segment->p_offset + segment->p_filesz;
    Elf64_Nhdr header;
    if (*at == end)
        return false;
    if (end - *at >= sizeof header) {
        memcpy(&header, p->bytes + *at, sizeof header);
        uint64_t value = *at + sizeof header + ((header.n_namesz + 3UL) & ~3UL);
        uint64_t next = value + ((header.n_descsz + 3UL) & ~3UL);
        if (header.n_namesz > 0 && header.n_namesz <= 8 && next <= end) {
            *note = (struct note){header.n_type, p->bytes + value, header.n_descsz};
            *at = next;
            return true;
        }
    }
    finding(
        p,
        "the notes are broken %lu bytes before their end: something is not padded to 4, or has a wrong size",
        end - *at);
    return false;
}

/* Looks through all notes, and returns those that matter below, by type. */
static void check_notes(struct patient *p, const Elf64_Phdr *segment, struct note *status, struct note *tls,
                        struct note *regions)
{
    struct note note;
    uint64_t at = segment->p_offset, first_type = 0;
    if (!in_file(p, segment->p_offset, segment->p_filesz, "the notes"))
        return;
    while (next_note(p, segment, &at, &note)) {
        if (first_type == 0)
            first_type = note.type;
        if (note.type == NT_PRSTATUS)
            *status = note;
        if (note.type == ARCH_TLS_NOTE)
            *tls = note;
        if (note.type == NOTE_REGIONS)
            *regions = note;
    }
    if (status->value == NULL)
        finding(p, "there is no note NT_PRSTATUS: no registers");
    else if (status->size != sizeof(struct elf_prstatus))
        finding(p, "NT_PRSTATUS has %lu bytes, it needs %zu", status->size, sizeof(struct elf_prstatus));
    else if (first_type != NT_PRSTATUS)
        finding(p, "the first note has type %lu, not NT_PRSTATUS (1): gdb expects it there", first_type);
}

static void check_load(struct patient *p, const Elf64_Phdr *load, size_t i)
{
    uint64_t end = load->p_vaddr + load->p_memsz;
    if (load->p_vaddr % ARCH_PAGE_SIZE != 0 || load->p_memsz % ARCH_PAGE_SIZE != 0 || load->p_memsz == 0 ||
        end > ARCH_USER_END)
        finding(p, "region %zu has impossible addresses: 0x%lx-0x%lx", i, load->p_vaddr, end);
    if (load->p_filesz != 0 && load->p_filesz != load->p_memsz)
        finding(p, "region %zu (0x%lx-0x%lx) is stored in part: %lu of %lu bytes", i, load->p_vaddr, end,
                load->p_filesz, load->p_memsz);
    if (load->p_filesz != 0 && load->p_offset % ARCH_PAGE_SIZE != 0)
        finding(
            p,
            "the bytes of region %zu begin at %lu, no multiple of the page size: restart --lazy cannot map them",
            i, load->p_offset);
    char what[64];
    snprintf(what, sizeof what, "region %zu (0x%lx-0x%lx)", i, load->p_vaddr, end);
    if (load->p_filesz != 0 && !p->cut_off) /* one is enough: those behind it are cut off, too */
        p->cut_off = !in_file(p, load->p_offset, load->p_filesz, what);
}

static void check_loads(struct patient *p)
{
    const Elf64_Phdr *previous = NULL;
    size_t regions = 0;
    for (size_t i = 0; i < p->count; i++) {
        const Elf64_Phdr *load = &p->segments[i];
        if (load->p_type != PT_LOAD)
            continue;
        check_load(p, load, i);
        if (previous != NULL && load->p_vaddr < previous->p_vaddr + previous->p_memsz)
            finding(p, "region %zu (0x%lx-0x%lx) overlaps the one before it (0x%lx-0x%lx), or is out of order", i,
                    load->p_vaddr, load->p_vaddr + load->p_memsz, previous->p_vaddr,
                    previous->p_vaddr + previous->p_memsz);
        previous = load;
        regions++;
    }
    if (regions == 0)
        finding(p, "there is no PT_LOAD: the image has no memory");
}

static const Elf64_Phdr *load_at(const struct patient *p, uint64_t address)
{
    for (size_t i = 0; i < p->count; i++)
        if (p->segments[i].p_type == PT_LOAD && address - p->segments[i].p_vaddr < p->segments[i].p_memsz)
            return &p->segments[i];
    return NULL;
}

static void check_pointer(struct patient *p, const char *name, uint64_t address, Elf64_Word flags,
                          const char *meaning)
{
    const Elf64_Phdr *load = load_at(p, address);
    if (load == NULL)
        finding(p, "no PT_LOAD covers %s (0x%lx): %s", name, address, meaning);
    else if ((load->p_flags & flags) != flags)
        finding(p, "%s (0x%lx) lies in a region without the permission for it: %s", name, address, meaning);
}

static void check_registers(struct patient *p, const struct note *note, const struct note *tls)
{
    struct elf_prstatus status;
    struct arch_core core = {0};
    uint64_t base = 0;
    if (note->value == NULL || note->size != sizeof status)
        return;
    memcpy(&status, note->value, sizeof status);
    memcpy(&core.general, &status.pr_reg, sizeof core.general);
    if (tls->value != NULL && tls->size >= sizeof base)
        memcpy(&base, tls->value, sizeof base);
    arch_core_put_tls(&core, base);
    check_pointer(p, ARCH_CODE_NAME, arch_core_code(&core), PF_R | PF_X,
                  "the program would have no code to go on with");
    check_pointer(p, ARCH_STACK_NAME, arch_core_stack(&core), PF_R | PF_W, "the program would have no stack");
    if (arch_core_tls(&core) == 0)
        finding(p, ARCH_TLS_NAME " is 0: the TLS base was not saved (errno, canaries and stdio need it)");
    else
        check_pointer(p, ARCH_TLS_NAME, arch_core_tls(&core), PF_R | PF_W, "the TLS base is not mapped");
}

/* One entry of our own table of regions, beside its PT_LOAD; the kernel's data must not be stored. */
static void check_entry(struct patient *p, const struct image_region *region, const Elf64_Phdr *load,
                        const char *name)
{
    bool stored = region->flags & REGION_STORED;
    if (region->start != load->p_vaddr || region->end - region->start != load->p_memsz)
        finding(p, "a region is 0x%lx-0x%lx in the note of the regions, but its PT_LOAD begins at 0x%lx",
                region->start, region->end, load->p_vaddr);
    else if (stored != (load->p_filesz != 0))
        finding(p, "region 0x%lx-0x%lx %s: its PT_LOAD has %lu bytes, but its note says %s", region->start,
                region->end, name, load->p_filesz, stored ? "that it is stored" : "that nothing is stored");
    if (strncmp(name, "[vvar", 5) == 0 && (stored || load->p_filesz != 0))
        finding(p, "%s is stored: it is the kernel's, write() of it is short, a restart must not write it", name);
}

static void check_table(struct patient *p, const struct note *note)
{
    struct image_region region;
    size_t loads = 0, at = 0;
    for (size_t i = 0; i < p->count; i++)
        loads += p->segments[i].p_type == PT_LOAD;
    uint64_t names = loads * sizeof region; /* where they begin in the note; each ends in '\0' */
    if (note->value == NULL)
        return;
    if (note->size <= names || note->value[note->size - 1] != '\0') {
        finding(p, "the note of the regions has %lu bytes, too few for %zu PT_LOADs, or no end", note->size, loads);
        return;
    }
    for (size_t i = 0; i < p->count; i++) {
        if (p->segments[i].p_type != PT_LOAD)
            continue;
        memcpy(&region, note->value + at++ * sizeof region, sizeof region);
        if (region.name < note->size - names)
            check_entry(p, &region, &p->segments[i], (const char *)note->value + names + region.name);
        else
            finding(p, "region 0x%lx-0x%lx has a name outside of the names", region.start, region.end);
    }
}

static int map_file(struct patient *p, const char *path)
{
    struct stat st;
    const char *reason = no_image_reason(path);
    if (reason != NULL)
        errx(EX_DATAERR, "%s: %s", path, reason);
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    if (fd < 0 || fstat(fd, &st) != 0) {
        warn("%s", path);
        return EX_NOINPUT;
    }
    *p = (struct patient){.size = (uint64_t)st.st_size};
    if (st.st_size > 0)
        p->bytes = mmap(NULL, p->size, PROT_READ, MAP_PRIVATE, fd, 0);
    close(fd);
    if (p->bytes == MAP_FAILED)
        err(EX_OSERR, "%s", path);
    return 0;
}

int doctor_check(const char *path)
{
    struct patient p;
    struct note status = {0}, tls = {0}, regions = {0};
    int error = map_file(&p, path);
    if (error != 0)
        return error;
    if (check_elf(&p)) {
        const Elf64_Phdr *notes = find_notes(&p);
        if (notes != NULL)
            check_notes(&p, notes, &status, &tls, &regions);
        check_loads(&p);
        check_registers(&p, &status, &tls);
        check_table(&p, &regions);
    }
    printf(p.findings == 0 ? "%s: nothing is wrong with its form\n" : "%s: %u %s wrong\n", path, p.findings,
           p.findings == 1 ? "thing is" : "things are");
    munmap((void *)p.bytes, p.size);
    return output_status(p.findings == 0 ? 0 : EX_DATAERR);
}
