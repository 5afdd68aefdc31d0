/*
 * no_image.c - says what a file is that is no image here: compressed, as systemd keeps its cores, a pipe, or one of
 * another kind of machine.  Given.
 */
#include "no_image.h"
#include "image_read.h"

#include <sys/procfs.h>

/* The bytes that a compressed file begins with, each program's own. */
struct packer {
    const char *magic;
    size_t size;
    const char *reason;
};

#define PACKED(program) "it is compressed (" program "): " program " -dc FILE >PLAIN first, and take PLAIN"

static const struct packer packers[] = {
    {"\x28\xb5\x2f\xfd", 4, PACKED("zstd")}, /* RFC 8878 */
    {"\x1f\x8b", 2, PACKED("gzip")}, /* RFC 1952 */
    {"\xfd" "7zXZ", 6, PACKED("xz")}, /* https://tukaani.org/xz/xz-file-format.txt */
    {"BZh", 3, PACKED("bzip2")},
    {"\x04\x22\x4d\x18", 4, PACKED("lz4")}, /* lz4, doc/lz4_Frame_format.md */
    {"\x5d\x00\x00", 3, PACKED("lzma")},
    {"\x89LZO", 4, PACKED("lzop")},
};

static const char *reason_of_type(mode_t mode)
{
    if (S_ISREG(mode))
        return NULL;
    if (S_ISDIR(mode))
        return "it is a directory";
    return "it cannot be read in any order (a pipe, a terminal, a device): copy what it gives into a file first";
}

const char *no_image_reason(const char *path)
{
    struct stat st;
    char begin[8] = "";
    const char *reason = stat(path, &st) == 0 ? reason_of_type(st.st_mode) : NULL;
    int fd = reason == NULL ? open(path, O_RDONLY | O_NONBLOCK | O_CLOEXEC) : -1;
    ssize_t size = fd < 0 ? 0 : pread(fd, begin, sizeof begin, 0);
    if (fd >= 0)
        close(fd);
    for (const struct packer *p = packers; p < packers + sizeof packers / sizeof *packers && reason == NULL; p++)
        if (size >= (ssize_t)p->size && memcmp(begin, p->magic, p->size) == 0)
            reason = p->reason;
    return reason;
}

const char *machine_name(unsigned machine)
{
    static const struct {
        unsigned machine;
        const char *name;
    } known[] = {{EM_X86_64, "x86-64"}, {EM_AARCH64, "aarch64"}, {EM_RISCV, "riscv64"}, {EM_386, "i386"},
                 {EM_ARM, "arm"}, {EM_PPC64, "ppc64"}, {EM_S390, "s390x"}, {EM_LOONGARCH, "loongarch64"}};
    for (size_t i = 0; i < sizeof known / sizeof *known; i++)
        if (known[i].machine == machine)
            return known[i].name;
    return "a machine that has no name here";
}

/* Are its numbers written as this machine writes them? */
static bool is_readable(const Elf64_Ehdr *elf)
{
    return elf->e_ident[EI_CLASS] == ELFCLASS64 && elf->e_ident[EI_DATA] == ELFDATA2LSB;
}

const char *no_image_here(const Elf64_Ehdr *elf)
{
    static char reason[100];
    if (is_readable(elf) && (elf->e_machine == ARCH_ELF_MACHINE || elf->e_type != ET_CORE))
        return NULL;
    if (is_readable(elf))
        snprintf(reason, sizeof reason, "this image is of another machine, %s; this is " ARCH_MACHINE_NAME,
                 machine_name(elf->e_machine));
    else
        snprintf(reason, sizeof reason, "an ELF file of another machine, of %s bits and %s-endian; this is "
                 ARCH_MACHINE_NAME, elf->e_ident[EI_CLASS] == ELFCLASS64 ? "64" : "32",
                 elf->e_ident[EI_DATA] == ELFDATA2LSB ? "little" : "big");
    return reason;
}

static void show(const struct image *image)
{
    const struct image_header *header = image_note(image, IMAGE_NOTE_NAME, NOTE_HEADER, sizeof *header, NULL);
    const struct elf_prpsinfo *info = image_note(image, IMAGE_CORE_NAME, NT_PRPSINFO, sizeof *info, NULL);
    uint64_t memory = 0, stored = 0;
    for (size_t i = 0; i < image->region_count; i++) {
        memory += image->loads[i].p_memsz / 1024;
        stored += image->loads[i].p_filesz / 1024;
    }
    if (info != NULL)
        printf("program: %.80s (pid %d)\n", info->pr_psargs, info->pr_pid);
    printf("regions: %zu, %luK; stored in the image: %luK\n", image->region_count, memory, stored);
    if (header != NULL)
        printf("format version %u, pages of %u bytes\n", header->version, header->page_size);
    fflush(stdout); /* then comes the reason, on standard error */
}

static void show_foreign(const char *path)
{
    struct stat st;
    Elf64_Ehdr elf;
    struct image image = {.fd = open(path, O_RDONLY | O_NONBLOCK | O_CLOEXEC)};
    if (image.fd < 0)
        return;
    image.size = fstat(image.fd, &st) == 0 && S_ISREG(st.st_mode) ? (uint64_t)st.st_size : 0;
    if (pread(image.fd, &elf, sizeof elf, 0) == sizeof elf && memcmp(elf.e_ident, ELFMAG, SELFMAG) == 0 &&
        is_readable(&elf) && no_image_here(&elf) != NULL && image_read_head(&image, &elf))
        show(&image);
    image_close(&image);
}

void no_image_exit(int status, const char *path, const char *why)
{
    show_foreign(path);
    errx(status, "%s: %s", path, why);
}
