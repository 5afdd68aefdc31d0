/* build_id.c - finds a build id in the first page of an ELF file.  Trusts no number in it.  Given. */
#include "build_id.h"

#include <elf.h>
#include <string.h>

static uint32_t search_notes(const unsigned char *notes, uint64_t size, uint8_t id[BUILD_ID_MAX])
{
    uint64_t at = 0;
    while (at + sizeof(Elf64_Nhdr) + 4 <= size) {
        Elf64_Nhdr note;
        memcpy(&note, notes + at, sizeof note);
        uint64_t name = at + sizeof note;
        uint64_t value = name + ((note.n_namesz + 3UL) & ~3UL);
        uint64_t next = value + ((note.n_descsz + 3UL) & ~3UL);
        if (next > size)
            return 0;
        if (note.n_type == NT_GNU_BUILD_ID && note.n_namesz == 4 && memcmp(notes + name, "GNU", 4) == 0 &&
            note.n_descsz <= BUILD_ID_MAX) {
            memcpy(id, notes + value, note.n_descsz);
            return note.n_descsz;
        }
        at = next;
    }
    return 0;
}

uint32_t build_id_find(const unsigned char *file, uint64_t size, uint8_t id[BUILD_ID_MAX])
{
    Elf64_Ehdr elf;
    if (size < sizeof elf)
        return 0;
    memcpy(&elf, file, sizeof elf);
    if (memcmp(elf.e_ident, ELFMAG, SELFMAG) != 0 || elf.e_ident[EI_CLASS] != ELFCLASS64)
        return 0;
    for (unsigned i = 0; i < elf.e_phnum; i++) {
        Elf64_Phdr segment;
        uint64_t at = elf.e_phoff + i * sizeof segment;
        if (elf.e_phoff > size || at + sizeof segment > size)
            return 0;
        memcpy(&segment, file + at, sizeof segment);
        if (segment.p_type != PT_NOTE || segment.p_offset > size || segment.p_filesz > size - segment.p_offset)
            continue;
        uint32_t found = search_notes(file + segment.p_offset, segment.p_filesz, id);
        if (found != 0)
            return found;
    }
    return 0;
}
