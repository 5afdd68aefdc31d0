/* image_write.c - an ELF core file: header, program headers, notes, bytes of the regions. */
#include "image_write.h"
#include "lazy_pages.h"
#include "library.h"

void notes_start(struct note_list *notes, size_t region_count)
{
    notes->start = notes->size = sizeof(Elf64_Ehdr) + (region_count + 1) * sizeof(Elf64_Phdr);
}

/*
 * A note is a header, its name and its value, name and value padded to 4 bytes each.  All our names
 * are "CORE" or "CKPT": 5 bytes with their '\0', 8 in the file.
 */
#define NOTE_NAME_SIZE 5
#define NOTE_PREFIX (sizeof(Elf64_Nhdr) + 8)

void *note_begin(struct note_list *notes)
{
    return notes->bytes + notes->size + NOTE_PREFIX;
}

void note_end(struct note_list *notes, const char *name, uint32_t type, size_t size)
{
    /* TODO 2.6: Put the note's header and name before its value, and count them in.
     * An Elf64_Nhdr (elf(5)) with n_namesz NOTE_NAME_SIZE, n_descsz and n_type; then the name.
     * notes->size grows by NOTE_PREFIX and the size of the value, rounded up to 4. */
}

static Elf64_Phdr load_header(const struct image_region *region, uint64_t offset)
{
    /* TODO 2.5: Describe one region.
     * p_type PT_LOAD; p_flags from the PROT_ bits (PF_R, PF_W, PF_X have other values!); p_vaddr,
     * p_memsz; p_offset; p_filesz is p_memsz if the region has REGION_STORED, else 0; p_align one page.
     */
    return (Elf64_Phdr){.p_type = PT_NULL};
}

uint64_t image_head(struct arena *arena, const uint64_t *offsets)
{
    struct note_list *notes = &arena->notes;
    const struct region_table *t = &arena->table;
    Elf64_Ehdr *elf = (Elf64_Ehdr *)notes->bytes;
    Elf64_Phdr *segments = (Elf64_Phdr *)(elf + 1);
    uint64_t offset = round_up(notes->size, ARCH_PAGE_SIZE);
    *elf = (Elf64_Ehdr){
        .e_ident = {ELFMAG0, ELFMAG1, ELFMAG2, ELFMAG3, ELFCLASS64, ELFDATA2LSB, EV_CURRENT},
        .e_type = ET_CORE, .e_machine = ARCH_ELF_MACHINE, .e_version = EV_CURRENT, .e_phoff = sizeof *elf,
        .e_ehsize = sizeof *elf, .e_phentsize = sizeof *segments, .e_phnum = (Elf64_Half)(t->count + 1),
    };
    segments[0] = (Elf64_Phdr){.p_type = PT_NOTE, .p_offset = notes->start, .p_align = 4};
    segments[0].p_filesz = notes->size - notes->start;
    for (size_t i = 0; i < t->count; i++) {
        segments[i + 1] = load_header(&t->regions[i], offsets != NULL ? offsets[i] : offset);
        offset += segments[i + 1].p_filesz;
    }
    *notes->checksum = image_checksum(IMAGE_CHECKSUM_START, notes->bytes, notes->size);
    return offset;
}

int image_write_head(int fd, const struct note_list *notes, uint64_t file_size)
{
    if (fd == IMAGE_ELSEWHERE)
        return library_remote_bytes((uint64_t)notes->bytes, notes->size, 0);
    int error = (int)sys_call(SYS_ftruncate, fd, (long)file_size, 0, 0); /* the last pages may be a hole */
    long n = error != 0 ? error : sys_pwrite(fd, notes->bytes, notes->size, 0); /* small; no signal interrupts us */
    return n == (long)notes->size ? 0 : n < 0 ? (int)n : -ENOSPC;
}

int image_write_region(int fd, struct arena *arena, size_t i)
{
    const struct region_table *t = &arena->table;
    const struct image_region *r = &t->regions[i];
    const Elf64_Phdr *loads = (const Elf64_Phdr *)(arena->notes.bytes + sizeof(Elf64_Ehdr)) + 1;
    if (r->flags & REGION_LAZY)
        return lazy_write(fd, &arena->pagemap, r, t->names + r->name, loads[i].p_offset);
    return r->flags & REGION_STORED ? pages_write(fd, &arena->pagemap, r, loads[i].p_offset) : 0;
}

int image_write(int fd, struct arena *arena)
{
    uint64_t file_size = image_head(arena, NULL);
    int error = image_write_head(fd, &arena->notes, file_size);
    if (error != 0)
        return error;
    page_runs_open(&arena->pagemap);
    for (size_t i = 0; i < arena->table.count && error == 0; i++)
        error = image_write_region(fd, arena, i);
    sys_close(arena->pagemap.fd);
    return error == 0 && fd == IMAGE_ELSEWHERE ? library_remote_whole(file_size) : error;
}
