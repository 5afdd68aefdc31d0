/*
 * program_linking.c - can the dynamic linker that an ELF program asks for load libckpt.so into it?  Given.
 *
 * Two program headers tell: PT_INTERP is the dynamic linker's path, PT_DYNAMIC a table in which DT_NEEDED entries
 * name the libraries, as offsets into the string table (elf(5)).  Nothing in the file is believed: what does not
 * make sense is not looked at further, and it is for the kernel to refuse it.
 */
#include "arch.h"
#include "libc.h"
#include "program.h"
#include "text.h"

static char reason[PATH_MAX + 128]; /* what is returned */

/* Reads all `size` bytes at the offset, or fails. */
static bool read_at(int fd, void *to, size_t size, uint64_t offset)
{
    return offset <= INT64_MAX - size && pread(fd, to, size, (off_t)offset) == (ssize_t)size;
}

/* The string at an offset of the file, cut off where `to` is full.  False: there is none. */
static bool read_string(int fd, char *to, size_t size, uint64_t offset)
{
    ssize_t n = offset <= INT64_MAX - size ? pread(fd, to, size - 1, (off_t)offset) : -1;
    to[n > 0 ? n : 0] = '\0';
    return n > 0;
}

/* The first segment of that type that has `address` in it, if that is not 0. */
static bool find_segment(int fd, const Elf64_Ehdr *elf, uint32_t type, uint64_t address, Elf64_Phdr *segment)
{
    for (unsigned i = 0; i < elf->e_phnum; i++)
        if (read_at(fd, segment, sizeof *segment, elf->e_phoff + i * sizeof *segment) && segment->p_type == type &&
            (address == 0 || address - segment->p_vaddr < segment->p_filesz))
            return true;
    return false;
}

/* The value of the nth entry with that tag in the dynamic table. */
static bool find_dynamic(int fd, const Elf64_Phdr *table, int64_t tag, unsigned n, uint64_t *value)
{
    Elf64_Dyn entry;
    for (uint64_t at = 0; at + sizeof entry <= table->p_filesz; at += sizeof entry) {
        if (!read_at(fd, &entry, sizeof entry, table->p_offset + at) || entry.d_tag == DT_NULL)
            return false;
        *value = entry.d_un.d_val;
        if (entry.d_tag == tag && n-- == 0)
            return true;
    }
    return false;
}

/* Is there a library whose name begins with `prefix`, among those that the program itself asks for? */
static bool needs(int fd, const Elf64_Ehdr *elf, const char *prefix)
{
    Elf64_Phdr table, load;
    uint64_t strings, name;
    char library[64];
    if (!find_segment(fd, elf, PT_DYNAMIC, 0, &table) || !find_dynamic(fd, &table, DT_STRTAB, 0, &strings) ||
        !find_segment(fd, elf, PT_LOAD, strings, &load))
        return false;
    strings += load.p_offset - load.p_vaddr; /* from now on an offset in the file */
    for (unsigned n = 0; n < 1000 && find_dynamic(fd, &table, DT_NEEDED, n, &name); n++)
        if (read_string(fd, library, sizeof library, strings + name) && starts_with(library, prefix))
            return true;
    return false;
}

/* AddressSanitizer of gcc ends the program if any other library comes before it; clang's is in the program. */
static bool asan_must_be_first(int fd, const Elf64_Ehdr *elf)
{
    return needs(fd, elf, "libasan.so") &&
           strstr(environment("ASAN_OPTIONS", ""), "verify_asan_link_order=0") == NULL;
}

const char *program_linking(int fd, const Elf64_Ehdr *elf)
{
    Elf64_Phdr segment;
    char linker[PATH_MAX] = "";
    if (!find_segment(fd, elf, PT_INTERP, 0, &segment) || !read_string(fd, linker, sizeof linker, segment.p_offset))
        return NULL;
    const char *name = strrchr(linker, '/') != NULL ? strrchr(linker, '/') + 1 : linker;
    if (strcmp(name, ARCH_DYNAMIC_LINKER) != 0) {
        text_join(reason, sizeof reason, "is linked for ", starts_with(name, "ld-musl-") ? "musl" : "another libc",
                  ": its dynamic linker is ", linker, ", and libckpt.so needs that of glibc, " ARCH_DYNAMIC_LINKER,
                  NULL);
        return reason;
    }
    if (asan_must_be_first(fd, elf))
        return "is built with gcc's AddressSanitizer (libasan.so), which ends a program when another library, like "
               "libckpt.so, comes first: build it without -fsanitize=address";
    return NULL;
}
