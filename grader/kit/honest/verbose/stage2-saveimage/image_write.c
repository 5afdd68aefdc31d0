//@ top
#include "my_helpers.h"
//@ end
//@ step 2.6
    char *start_of_note = notes->bytes + notes->size;
    char *start_of_name = start_of_note + sizeof(Elf64_Nhdr);
    Elf64_Nhdr header;
    size_t size_with_padding = size;
    size_t position;

    header.n_namesz = NOTE_NAME_SIZE;
    header.n_descsz = (Elf64_Word)size;
    header.n_type = type;
    memcpy(start_of_note, &header, sizeof(header));

    for (position = 0; position < 8; position = position + 1) {
        start_of_name[position] = '\0';
    }
    strncpy(start_of_name, name, NOTE_NAME_SIZE - 1);

    if (size_with_padding % 4 == 1) {
        size_with_padding = size_with_padding + 3;
    }
    if (size_with_padding % 4 == 2) {
        size_with_padding = size_with_padding + 2;
    }
    if (size_with_padding % 4 == 3) {
        size_with_padding = size_with_padding + 1;
    }
    notes->size = notes->size + NOTE_PREFIX;
    notes->size = notes->size + size_with_padding;
//@ end
//@ replace
static Elf64_Phdr load_header(const struct image_region *region, uint64_t offset)
{
//@ with
/* The permissions of a program header have other numbers than those of mmap(). */
static Elf64_Word my_flags_from_prot(uint32_t prot)
{
    Elf64_Word flags = 0;
    if (my_has_bit(prot, PROT_READ)) {
        flags = flags | PF_R;
    }
    if (my_has_bit(prot, PROT_WRITE)) {
        flags = flags | PF_W;
    }
    if (my_has_bit(prot, PROT_EXEC)) {
        flags = flags | PF_X;
    }
    return flags;
}

static Elf64_Phdr load_header(const struct image_region *region, uint64_t offset)
{
//@ end
//@ step 2.5
    Elf64_Phdr program_header;
    memset(&program_header, 0, sizeof(program_header));
    program_header.p_type = PT_LOAD;
    program_header.p_flags = my_flags_from_prot(region->prot);
    program_header.p_offset = offset;
    program_header.p_vaddr = region->start;
    program_header.p_paddr = 0;
    program_header.p_memsz = region->end - region->start;
    if (my_has_bit(region->flags, REGION_STORED)) {
        program_header.p_filesz = region->end - region->start;
    } else {
        program_header.p_filesz = 0;
    }
    program_header.p_align = ARCH_PAGE_SIZE;
    return program_header;
//@ end
//@ replace
uint64_t image_head(struct arena *arena, const uint64_t *offsets)
//@ with
/*
 * Finds places in the file for the regions that can be written, or for those that cannot. The first place is
 * at `offset`. Returns where the next free place is.
 */
static uint64_t my_place_regions(Elf64_Phdr *loads, const struct region_table *t, bool writable, uint64_t offset,
                                 const uint64_t *given)
{
    size_t i;
    for (i = 0; i < t->count; i = i + 1) {
        const struct image_region *region = &t->regions[i];
        bool region_is_writable = my_has_bit(region->prot, PROT_WRITE);
        if (region_is_writable == writable) {
            loads[i] = load_header(region, given != NULL ? given[i] : offset);
            offset = offset + loads[i].p_filesz;
        }
    }
    return offset;
}

uint64_t image_head(struct arena *arena, const uint64_t *offsets)
//@ end
//@ replace
    for (size_t i = 0; i < t->count; i++) {
        segments[i + 1] = load_header(&t->regions[i], offsets != NULL ? offsets[i] : offset);
        offset += segments[i + 1].p_filesz;
    }
//@ with
    /* One free page between the notes and the memory, and one between the two kinds of memory. First comes
     * what cannot be written, such as the vdso: it is the same each time, which is good for rsync(1). */
    offset = offset + ARCH_PAGE_SIZE;
    offset = my_place_regions(segments + 1, t, false, offset, offsets);
    offset = offset + ARCH_PAGE_SIZE;
    offset = my_place_regions(segments + 1, t, true, offset, offsets);
//@ end
