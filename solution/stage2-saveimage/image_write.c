/* image_write.c - an ELF core file: header, program headers, notes, bytes of the regions. */
#include "image_write.h"
#include "pages.h"
#include "sys.h"

#include <elf.h>
#include <errno.h>
#include <string.h>

static uint64_t round_up(uint64_t n, uint64_t to)
{
    return (n + to - 1) / to * to;
}

/*
 * A note is a header, its name and its value, name and value padded to 4 bytes each.  All our names
 * are "CORE" or "CKPT": 5 bytes with their '\0', 8 in the file.
 */
#define NOTE_NAME_SIZE 5
#define NOTE_PREFIX (sizeof(Elf64_Nhdr) + 8)

void *note_begin(struct note_list *notes, size_t max)
{
    if (notes->size + NOTE_PREFIX + round_up(max, 4) > notes->max)
        return NULL;
    return notes->bytes + notes->size + NOTE_PREFIX;
}

void note_end(struct note_list *notes, const char *name, uint32_t type, size_t size)
{
    //@ step 2.4 Put the note's header and name before its value, and count them in.
    //@ An Elf64_Nhdr (elf(5)) with n_namesz NOTE_NAME_SIZE, n_descsz and n_type; then the name.
    //@ notes->size grows by NOTE_PREFIX and the size of the value, rounded up to 4.
    //@ stub: (void)notes, (void)name, (void)type, (void)size;
    Elf64_Nhdr header = {.n_namesz = NOTE_NAME_SIZE, .n_descsz = (Elf64_Word)size, .n_type = type};
    char *at = notes->bytes + notes->size;
    memcpy(at, &header, sizeof header);
    memcpy(at + sizeof header, name, NOTE_NAME_SIZE);
    notes->size += NOTE_PREFIX + round_up(size, 4);
    //@ end
}

static void fill_header(Elf64_Ehdr *header, size_t segments)
{
    memcpy(header->e_ident, ELFMAG, SELFMAG);
    header->e_ident[EI_CLASS] = ELFCLASS64;
    header->e_ident[EI_DATA] = ELFDATA2LSB;
    header->e_ident[EI_VERSION] = EV_CURRENT;
    header->e_type = ET_CORE;
    header->e_machine = ARCH_ELF_MACHINE;
    header->e_version = EV_CURRENT;
    header->e_phoff = sizeof *header;
    header->e_ehsize = sizeof *header;
    header->e_phentsize = sizeof(Elf64_Phdr);
    header->e_phnum = (Elf64_Half)segments;
}

static void fill_load(Elf64_Phdr *segment, const struct image_region *region, uint64_t offset)
{
    //@ step 2.5 Describe one region.
    //@ p_type PT_LOAD; p_flags from the PROT_ bits (PF_R, PF_W, PF_X have other values!); p_vaddr,
    //@ p_memsz; p_offset; p_filesz is p_memsz if the region has REGION_STORED, else 0; p_align one page.
    //@ stub: (void)segment, (void)region, (void)offset;
    segment->p_type = PT_LOAD;
    segment->p_flags = (region->prot & 1 ? PF_R : 0) | (region->prot & 2 ? PF_W : 0) | (region->prot & 4 ? PF_X : 0);
    segment->p_offset = offset;
    segment->p_vaddr = region->start;
    segment->p_memsz = region->end - region->start;
    segment->p_filesz = region->flags & REGION_STORED ? segment->p_memsz : 0;
    segment->p_align = ARCH_PAGE_SIZE;
    //@ end
}

/* Fills all program headers; returns the size of the whole file. */
static uint64_t fill_segments(Elf64_Phdr *segments, const struct region_table *t, uint64_t notes_at, uint64_t notes_size)
{
    uint64_t offset = round_up(notes_at + notes_size, ARCH_PAGE_SIZE);
    segments[0] = (Elf64_Phdr){.p_type = PT_NOTE, .p_offset = notes_at, .p_filesz = notes_size, .p_align = 4};
    for (size_t i = 0; i < t->count; i++) {
        fill_load(&segments[i + 1], &t->regions[i], offset);
        offset += segments[i + 1].p_filesz;
    }
    return offset;
}

static int write_bytes(int fd, const void *bytes, uint64_t size, uint64_t offset)
{
    uint64_t done = 0;
    while (done < size) {
        long n = sys_pwrite(fd, (const char *)bytes + done, size - done, (off_t)(offset + done));
        if (n == -EINTR)
            continue;
        if (n <= 0)
            return n == 0 ? -EIO : (int)n;
        done += (uint64_t)n;
    }
    return 0;
}

static int write_regions(int fd, const struct region_table *t, const Elf64_Phdr *loads)
{
    for (size_t i = 0; i < t->count; i++) {
        if (!(t->regions[i].flags & REGION_STORED))
            continue;
        int error = pages_write(fd, t->pagemap, &t->regions[i], loads[i].p_offset);
        if (error != 0)
            return error;
    }
    return 0;
}

int image_write(int fd, struct arena *arena, const struct region_table *table, struct note_list *notes)
{
    if (table->count > IMAGE_MAX_REGIONS)
        return -E2BIG;
    size_t head_size = sizeof(Elf64_Ehdr) + (table->count + 1) * sizeof(Elf64_Phdr);
    Elf64_Ehdr *header = arena_take(arena, head_size);
    if (header == NULL)
        return -ENOMEM;
    Elf64_Phdr *segments = (Elf64_Phdr *)(header + 1);
    fill_header(header, table->count + 1);
    uint64_t file_size = fill_segments(segments, table, head_size, notes->size);
    uint64_t sum = image_checksum(IMAGE_CHECKSUM_START, header, head_size);
    *notes->checksum = image_checksum(sum, notes->bytes, notes->size);

    int error = write_bytes(fd, header, head_size, 0);
    if (error == 0)
        error = write_bytes(fd, notes->bytes, notes->size, head_size);
    if (error == 0)
        error = write_regions(fd, table, segments + 1);
    if (error == 0) /* the last pages may be a hole */
        error = (int)sys_call(SYS_ftruncate, fd, (long)file_size, 0, 0);
    return error;
}
