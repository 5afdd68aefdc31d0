/* core.c - opens a core file and finds its notes.  Believes no number in it. */
#include "core.h"
#include "no_image.h"

__attribute__((noreturn, format(printf, 2, 3))) static void bad(const struct core *core, const char *format, ...)
{
    char why[256];
    va_list list;
    va_start(list, format);
    vsnprintf(why, sizeof why, format, list);
    va_end(list);
    errx(EX_DATAERR, "%s: %s", core->path, why);
}

static bool read_at(const struct core *core, void *to, uint64_t size, uint64_t offset)
{
    ssize_t n = 1;
    for (; size > 0 && n > 0; size -= (uint64_t)n, offset += (uint64_t)n, to = (char *)to + n)
        n = pread(core->fd, to, size, (off_t)offset);
    return size == 0;
}

static void *allocate(const struct core *core, size_t size)
{
    void *memory = calloc(1, size + 1);
    if (memory == NULL)
        err(EX_OSERR, "%s", core->path);
    return memory;
}

static void check_header(const struct core *core, const Elf64_Ehdr *elf)
{
    if (!read_at(core, (void *)elf, sizeof *elf, 0) || memcmp(elf->e_ident, ELFMAG, SELFMAG) != 0)
        bad(core, "not a core file: not an ELF file");
    if (no_image_here(elf) != NULL)
        bad(core, "%s", no_image_here(elf));
    if (elf->e_type != ET_CORE || elf->e_phentsize != sizeof(Elf64_Phdr))
        bad(core, "not a core file, but an ELF file of another kind (is it the program? restart PROG CORE)");
}

/* With 65,535 segments or more, their number stands in the first section header (elf(5), PN_XNUM). */
static size_t count_segments(const struct core *core, const Elf64_Ehdr *elf)
{
    Elf64_Shdr first;
    if (elf->e_phnum != PN_XNUM)
        return elf->e_phnum;
    if (!read_at(core, &first, sizeof first, elf->e_shoff))
        bad(core, "truncated: its section header is missing");
    return first.sh_info;
}

static void read_segments(struct core *core, const Elf64_Ehdr *elf)
{
    core->segment_count = count_segments(core, elf);
    if (core->segment_count > core->size / sizeof(Elf64_Phdr))
        bad(core, "truncated in its program headers");
    core->segments = allocate(core, core->segment_count * sizeof(Elf64_Phdr));
    if (!read_at(core, core->segments, core->segment_count * sizeof(Elf64_Phdr), elf->e_phoff))
        bad(core, "truncated in its program headers");
    for (const Elf64_Phdr *s = core->segments; s < core->segments + core->segment_count; s++)
        if (s->p_filesz > 0 && (s->p_offset > core->size || s->p_filesz > core->size - s->p_offset))
            bad(core, "truncated: it has %lu bytes, and should have %lu (ulimit -c? a full disk?)", core->size,
                s->p_offset + s->p_filesz);
}

static void read_notes(struct core *core)
{
    for (const Elf64_Phdr *s = core->segments; s < core->segments + core->segment_count; s++) {
        if (s->p_type != PT_NOTE)
            continue;
        core->notes = realloc(core->notes, core->notes_size + s->p_filesz + 1);
        if (core->notes == NULL || !read_at(core, core->notes + core->notes_size, s->p_filesz, s->p_offset))
            bad(core, "its notes cannot be read");
        core->notes_size += s->p_filesz;
    }
    if (core->notes_size == 0)
        bad(core, "it has no notes, so no registers");
}

/* NT_FILE: count and page size; start, end and offset of each, in pages; then the names.  core(5). */
static void read_files(struct core *core, const uint64_t *words, size_t size)
{
    uint64_t count = size >= 16 ? words[0] : 0;
    if (count > (size - 16) / 24)
        bad(core, "its list of files is broken");
    const char *name = (const char *)(words + 2 + 3 * count), *end = (const char *)words + size;
    core->files = allocate(core, count * sizeof *core->files);
    for (uint64_t i = 0; i < count; i++) {
        if (name >= end || memchr(name, '\0', (size_t)(end - name)) == NULL)
            bad(core, "its list of files is broken");
        const uint64_t *file = words + 2 + 3 * i;
        if (file[0] >= file[1] || file[1] > ARCH_USER_END || (file[0] | file[1]) % ARCH_PAGE_SIZE != 0)
            bad(core, "its list of files is broken");
        core->files[i] = (struct core_file){file[0], file[1], file[2] * words[1], name};
        name += strlen(name) + 1;
    }
    core->file_count = count;
}

static void take_note(struct core *core, const char *name, uint32_t type, const void *value, size_t size)
{
    bool linux_name = strcmp(name, "LINUX") == 0;
    core->from_gdb |= strcmp(name, "GDB") == 0;
    if (!linux_name && strcmp(name, "CORE") != 0)
        return;
    if (type == NT_PRSTATUS && core->status != NULL)
        bad(core, "the program has more than one thread; ckptlab restarts single-threaded programs");
    if (type == NT_PRSTATUS && size >= sizeof *core->status) {
        core->status = value;
        memcpy(&core->registers.general, &core->status->pr_reg, sizeof core->registers.general);
    } else if (type == NT_FPREGSET && size >= 512) {
        core->fpregs = value;
    } else if (type == NT_X86_XSTATE && linux_name) {
        core->xstate = value;
        core->xstate_size = size;
    } else if (type == CORE_XSAVE_LAYOUT && linux_name) {
        core->xlayout = value;
        core->xlayout_count = size / sizeof *core->xlayout;
    } else if (type == ARCH_TLS_NOTE && linux_name && size >= sizeof(uint64_t)) {
        arch_core_put_tls(&core->registers, *(const uint64_t *)value);
    } else if (type == NT_AUXV) {
        core->auxv = value;
        core->auxv_count = size / sizeof *core->auxv;
    } else if (type == NT_FILE) {
        read_files(core, value, size);
    }
}

static void find_notes(struct core *core)
{
    Elf64_Nhdr header;
    for (uint64_t at = 0; at + sizeof header <= core->notes_size;) {
        memcpy(&header, core->notes + at, sizeof header);
        uint64_t name = at + sizeof header, value = name + ((header.n_namesz + 3UL) & ~3UL);
        at = value + ((header.n_descsz + 3UL) & ~3UL);
        if (value + header.n_descsz > core->notes_size || header.n_namesz == 0 ||
            core->notes[name + header.n_namesz - 1] != '\0')
            bad(core, "its notes are broken");
        void *copy = allocate(core, header.n_descsz); /* notes begin at multiples of 4, and have words of 8 bytes */
        memcpy(copy, core->notes + value, header.n_descsz);
        take_note(core, core->notes + name, header.n_type, copy, header.n_descsz);
    }
    if (core->status == NULL)
        bad(core, "it has no registers (NT_PRSTATUS)");
    if (core->auxv == NULL)
        bad(core, "it has no auxiliary vector (NT_AUXV), by which the program is found");
}

void core_open(struct core *core, const char *path)
{
    struct stat st;
    Elf64_Ehdr elf;
    *core = (struct core){.path = path};
    const char *reason = no_image_reason(path);
    if (reason != NULL)
        bad(core, "%s", reason);
    core->fd = open(path, O_RDONLY | O_NONBLOCK | O_CLOEXEC);
    if (core->fd < 0 || fstat(core->fd, &st) != 0)
        core_missing(path);
    core->size = (uint64_t)st.st_size;
    check_header(core, &elf);
    read_segments(core, &elf);
    read_notes(core);
    find_notes(core);
}

uint64_t core_aux(const struct core *core, uint64_t type)
{
    for (size_t i = 0; i < core->auxv_count; i++)
        if (core->auxv[i].a_type == type)
            return core->auxv[i].a_un.a_val;
    return 0;
}

bool core_read(const struct core *core, uint64_t address, void *to, size_t size)
{
    for (const Elf64_Phdr *s = core->segments; s < core->segments + core->segment_count; s++)
        if (s->p_type == PT_LOAD && address >= s->p_vaddr && address - s->p_vaddr < s->p_filesz &&
            size <= s->p_filesz - (address - s->p_vaddr))
            return read_at(core, to, size, s->p_offset + (address - s->p_vaddr));
    return false;
}

const struct core_file *core_file_at(const struct core *core, uint64_t address)
{
    for (const struct core_file *file = core->files; file < core->files + core->file_count; file++)
        if (address >= file->start && address < file->end)
            return file;
    return NULL;
}
