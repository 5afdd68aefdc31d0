/*
 * vdso_elf.c - reads the table of functions of a vdso.  Given.
 *
 * A vdso is a shared library: elf(5).  Its PT_DYNAMIC tells where symbols and their names are; how many there are
 * only the hash table says that is made of them.  Each number is compared with the size before it is used.
 */
#include "vdso_elf.h"
#include "arch_vdso.h"

static bool fail(struct vdso *v, const char *why)
{
    v->why = why;
    return false;
}

/* Copies what is at an offset; false: it lies outside. */
static bool take(const struct vdso *v, void *to, uint64_t size, uint64_t at)
{
    if (at > v->size || size > v->size - at)
        return false;
    memcpy(to, v->bytes + at, size);
    return true;
}

/* The program headers: PT_LOAD says where the file would lie, PT_DYNAMIC is returned.  p_type 0: there is none. */
static Elf64_Phdr read_headers(struct vdso *v, const Elf64_Ehdr *elf)
{
    Elf64_Phdr header, dynamic = {0};
    bool loaded = false;
    uint64_t at = elf->e_phoff;
    for (int i = 0; i < elf->e_phnum && take(v, &header, sizeof header, at); i++, at += sizeof header) {
        if (header.p_type == PT_LOAD && !loaded) {
            v->base = header.p_vaddr - header.p_offset;
            loaded = true;
        } else if (header.p_type == PT_DYNAMIC) {
            dynamic = header;
        }
    }
    return loaded ? dynamic : (Elf64_Phdr){0};
}

/* DT_GNU_HASH: the last chain, that of the highest bucket, ends with an odd number.  0: it does not fit. */
static uint32_t count_chains(const struct vdso *v, uint64_t at)
{
    uint32_t head[4], bucket, last = 0, hash = 0; /* buckets, first symbol, words of the filter, shift */
    if (!take(v, head, sizeof head, at))
        return 0;
    uint64_t buckets = at + sizeof head + head[2] * sizeof(uint64_t), chains = buckets + head[0] * sizeof bucket;
    for (uint32_t i = 0; i < head[0] && take(v, &bucket, sizeof bucket, buckets + i * sizeof bucket); i++)
        last = bucket > last ? bucket : last;
    while (last >= head[1] && take(v, &hash, sizeof hash, chains + (uint64_t)(last - head[1]) * sizeof hash)) {
        last++;
        if (hash & 1)
            return last;
    }
    return 0;
}

/* DT_HASH: the second number is that of symbols. */
static bool read_dynamic(struct vdso *v, const Elf64_Phdr *dynamic)
{
    Elf64_Dyn entry;
    uint64_t hash = 0, gnu = 0;
    uint32_t count = 0;
    for (uint64_t at = dynamic->p_offset; take(v, &entry, sizeof entry, at) && entry.d_tag != DT_NULL;
         at += sizeof entry) {
        if (entry.d_tag == DT_SYMTAB)
            v->symbols = entry.d_un.d_ptr - v->base;
        else if (entry.d_tag == DT_STRTAB)
            v->strings = entry.d_un.d_ptr - v->base;
        else if (entry.d_tag == DT_STRSZ)
            v->strings_size = entry.d_un.d_val;
        else if (entry.d_tag == DT_HASH)
            hash = entry.d_un.d_ptr - v->base;
        else if (entry.d_tag == DT_GNU_HASH)
            gnu = entry.d_un.d_ptr - v->base;
    }
    if (hash != 0 && !take(v, &count, sizeof count, hash + sizeof count))
        count = 0;
    if (hash == 0 && gnu != 0)
        count = count_chains(v, gnu);
    if (count == 0)
        return fail(v, "it has no hash table");
    v->symbol_count = count;
    return true;
}

bool vdso_open(struct vdso *v, const void *bytes, uint64_t size)
{
    Elf64_Ehdr elf;
    *v = (struct vdso){.bytes = bytes, .size = size};
    if (!take(v, &elf, sizeof elf, 0) || memcmp(elf.e_ident, ELFMAG, SELFMAG) != 0 ||
        elf.e_ident[EI_CLASS] != ELFCLASS64 || elf.e_machine != ARCH_ELF_MACHINE || elf.e_type != ET_DYN ||
        elf.e_phentsize != sizeof(Elf64_Phdr))
        return fail(v, "it is no shared library of this machine");
    Elf64_Phdr dynamic = read_headers(v, &elf);
    if (dynamic.p_type != PT_DYNAMIC)
        return fail(v, "it has no dynamic section");
    if (!read_dynamic(v, &dynamic))
        return false;
    if (v->symbols >= size || v->symbol_count > (size - v->symbols) / sizeof(Elf64_Sym) || v->strings >= size ||
        v->strings_size > size - v->strings)
        return fail(v, "its symbols lie outside of it");
    return true;
}

/* Code, and not the name of a version or a section. */
static bool is_function(const Elf64_Sym *symbol)
{
    unsigned kind = ELF64_ST_TYPE(symbol->st_info);
    return symbol->st_shndx != SHN_UNDEF && symbol->st_shndx != SHN_ABS &&
           (kind == STT_FUNC || kind == STT_NOTYPE) && ELF64_ST_BIND(symbol->st_info) != STB_LOCAL;
}

bool vdso_next(struct vdso *v, uint64_t *at, struct vdso_function *function)
{
    Elf64_Sym symbol = {0};
    do {
        if (*at >= v->symbol_count || !take(v, &symbol, sizeof symbol, v->symbols + *at * sizeof symbol))
            return false;
        ++*at;
    } while (!is_function(&symbol));
    *function = (struct vdso_function){(const char *)v->bytes + v->strings + symbol.st_name,
                                       symbol.st_value - v->base, symbol.st_size};
    if (symbol.st_name >= v->strings_size ||
        memchr(function->name, '\0', v->strings_size - symbol.st_name) == NULL)
        return fail(v, "the name of a function lies outside of it");
    if (function->offset >= v->size || function->size > v->size - function->offset)
        return fail(v, "a function lies outside of it");
    return true;
}

const char *vdso_plain_name(const char *name)
{
    size_t length = strlen(ARCH_VDSO_PREFIX);
    return strncmp(name, ARCH_VDSO_PREFIX, length) == 0 ? name + length : name;
}

uint64_t vdso_find(struct vdso *v, const char *name)
{
    struct vdso_function function;
    uint64_t at = 0;
    while (vdso_next(v, &at, &function))
        if (strcmp(vdso_plain_name(function.name), vdso_plain_name(name)) == 0)
            return function.offset;
    return 0;
}
