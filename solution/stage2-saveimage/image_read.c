/*
 * image_read.c - opens and checks an image, from the outside in: the file's size, the ELF header, the
 * notes' frames, the checksum, the regions, the context.  Each check relies on those before it.  Given.
 */
#include "image_read.h"
#include "arch.h"
#include "part.h"

#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sysexits.h>
#include <unistd.h>

/* Notes the reason; returns false, so that a check can end in `return wrong(...)`. */
__attribute__((format(printf, 2, 3))) static bool wrong(struct image *image, const char *format, ...)
{
    va_list args;
    va_start(args, format);
    vsnprintf(image->why, sizeof image->why, format, args);
    va_end(args);
    return false;
}

static bool read_at(int fd, void *to, uint64_t size, uint64_t offset)
{
    for (uint64_t done = 0; done < size;) {
        ssize_t n = pread(fd, (char *)to + done, size - done, (off_t)(offset + done));
        if (n < 0 && errno == EINTR)
            continue;
        if (n <= 0)
            return false;
        done += (uint64_t)n;
    }
    return true;
}

static bool check_elf(struct image *image, const Elf64_Ehdr *elf)
{
    if (image->size < sizeof *elf || !read_at(image->fd, (void *)elf, sizeof *elf, 0))
        return wrong(image, "too short: %lu bytes", image->size);
    if (memcmp(elf->e_ident, ELFMAG, SELFMAG) != 0)
        return wrong(image, "not an ELF file, so not a checkpoint image");
    if (elf->e_ident[EI_CLASS] != ELFCLASS64 || elf->e_ident[EI_DATA] != ELFDATA2LSB ||
        elf->e_machine != ARCH_ELF_MACHINE)
        return wrong(image, "an image of another machine (ELF machine %u, class %u)", elf->e_machine,
                     elf->e_ident[EI_CLASS]);
    if (elf->e_type != ET_CORE)
        return wrong(image, "an ELF file of type %u, not a core file (4)", elf->e_type);
    if (elf->e_phentsize != sizeof(Elf64_Phdr) || elf->e_phnum == 0 || elf->e_phnum == PN_XNUM)
        return wrong(image, "its program headers are not those of an image");
    return true;
}

/* Reads everything before the regions' bytes. */
static bool read_head(struct image *image, const Elf64_Ehdr *elf)
{
    Elf64_Phdr notes;
    uint64_t table_end = elf->e_phoff + elf->e_phnum * sizeof(Elf64_Phdr);
    if (elf->e_phoff < sizeof *elf || table_end > image->size ||
        !read_at(image->fd, &notes, sizeof notes, elf->e_phoff))
        return wrong(image, "truncated in its program headers");
    if (notes.p_type != PT_NOTE)
        return wrong(image, "its first program header is not PT_NOTE");
    if (notes.p_offset < table_end || notes.p_offset > image->size || notes.p_filesz > image->size - notes.p_offset)
        return wrong(image, "truncated in its notes");
    image->head_size = notes.p_offset + notes.p_filesz;
    image->head = malloc(image->head_size);
    if (image->head == NULL || !read_at(image->fd, image->head, image->head_size, 0))
        return wrong(image, "cannot read %lu bytes: %s", image->head_size, strerror(errno));
    image->elf = (const Elf64_Ehdr *)image->head;
    image->notes = (const Elf64_Phdr *)(image->head + elf->e_phoff);
    image->loads = image->notes + 1;
    return true;
}

bool image_next_note(const struct image *image, uint64_t *at, struct image_note *note)
{
    Elf64_Nhdr header;
    const char *notes = image->head + image->notes->p_offset;
    uint64_t end = image->notes->p_filesz;
    if (*at + sizeof header > end)
        return false;
    memcpy(&header, notes + *at, sizeof header);
    uint64_t name = *at + sizeof header;
    uint64_t value = name + ((header.n_namesz + 3UL) & ~3UL);
    uint64_t next = value + ((header.n_descsz + 3UL) & ~3UL);
    if (next > end || header.n_namesz == 0 || notes[name + header.n_namesz - 1] != '\0')
        return false;
    *note = (struct image_note){notes + name, header.n_type, notes + value, header.n_descsz};
    *at = next;
    return true;
}

const void *image_note(const struct image *image, const char *name, uint32_t type, size_t min_size, size_t *size)
{
    struct image_note note;
    for (uint64_t at = 0; image_next_note(image, &at, &note);) {
        if (note.type != type || strcmp(note.name, name) != 0 || note.size < min_size)
            continue;
        if (size != NULL)
            *size = note.size;
        return note.value;
    }
    return NULL;
}

static bool check_frames(struct image *image)
{
    struct image_note note;
    uint64_t at = 0;
    while (image_next_note(image, &at, &note)) {
        for (size_t i = 0; all_parts[i] != NULL; i++)
            if (strcmp(note.name, IMAGE_NOTE_NAME) == 0 && note.type == all_parts[i]->type &&
                note.size < all_parts[i]->min_size)
                return wrong(image, "its note about %s is too short (%zu bytes)", all_parts[i]->name, note.size);
    }
    if (at != image->notes->p_filesz)
        return wrong(image, "its notes are broken %lu bytes before their end", image->notes->p_filesz - at);
    return true;
}

static bool check_sum(struct image *image)
{
    uint64_t zero = 0, at = (uint64_t)((const char *)&image->header->checksum - image->head);
    uint64_t sum = image_checksum(IMAGE_CHECKSUM_START, image->head, at);
    sum = image_checksum(sum, &zero, sizeof zero);
    sum = image_checksum(sum, image->head + at + 8, image->head_size - at - 8);
    if (image->header->checksum != 0 && image->header->checksum != sum)
        return wrong(image, "corrupt: its checksum is wrong");
    return true;
}

static bool check_header(struct image *image)
{
    image->header = image_note(image, IMAGE_NOTE_NAME, NOTE_HEADER, sizeof *image->header, NULL);
    if (image->header == NULL)
        return wrong(image, "a core file without checkpoint notes; stage 5 restarts these");
    if (image->header->version != IMAGE_VERSION)
        return wrong(image, "image format version %u; this program knows version %d. Use the ckptlab that wrote it",
                     image->header->version, IMAGE_VERSION);
    if (image->header->page_size != ARCH_PAGE_SIZE)
        return wrong(image, "its pages have %u bytes, this machine's have %lu", image->header->page_size, ARCH_PAGE_SIZE);
    return check_sum(image);
}

static bool find_regions(struct image *image)
{
    size_t size;
    image->region_count = image->header->region_count;
    size_t array = image->region_count * sizeof *image->regions;
    image->regions = image_note(image, IMAGE_NOTE_NAME, NOTE_REGIONS, array + 1, &size);
    if (image->regions == NULL || image->region_count + 1UL != image->elf->e_phnum)
        return wrong(image, "it has %u PT_LOADs, but notes for %zu regions", image->elf->e_phnum - 1, image->region_count);
    image->names = (const char *)(image->regions + image->region_count);
    if (image->names[size - array - 1] != '\0')
        return wrong(image, "the names of its regions have no end");
    for (size_t i = 0; i < image->region_count; i++)
        if (image->regions[i].name >= size - array || image->regions[i].build_id_size > BUILD_ID_MAX)
            return wrong(image, "region %zu has a name outside of the names", i);
    return true;
}

static bool check_region(struct image *image, size_t i, uint64_t previous_end)
{
    const struct image_region *r = &image->regions[i];
    const Elf64_Phdr *load = &image->loads[i];
    if (r->start % ARCH_PAGE_SIZE != 0 || r->end % ARCH_PAGE_SIZE != 0 || r->start >= r->end || r->end > ARCH_USER_END)
        return wrong(image, "region %zu has impossible addresses %lx-%lx", i, r->start, r->end);
    if (r->start < previous_end)
        return wrong(image, "region %zu (%lx) overlaps the one before it, or is out of order", i, r->start);
    if (load->p_type != PT_LOAD || load->p_vaddr != r->start || load->p_memsz != r->end - r->start)
        return wrong(image, "program header %zu is not that of region %lx-%lx", i + 1, r->start, r->end);
    if (load->p_filesz != (r->flags & REGION_STORED ? load->p_memsz : 0))
        return wrong(image, "region %lx-%lx is stored only in part", r->start, r->end);
    if (r->prot & ~(uint32_t)(PROT_READ | PROT_WRITE | PROT_EXEC))
        return wrong(image, "region %lx-%lx has unknown protections %x", r->start, r->end, r->prot);
    if (load->p_filesz == 0)
        return true;
    if (load->p_offset % ARCH_PAGE_SIZE != 0 || load->p_offset < image->head_size)
        return wrong(image, "the bytes of region %lx-%lx begin at a wrong place", r->start, r->end);
    if (load->p_offset > image->size || load->p_filesz > image->size - load->p_offset)
        return wrong(image, "truncated: the bytes of region %lx-%lx end %lu bytes behind the file's end", r->start,
                     r->end, load->p_offset + load->p_filesz - image->size);
    return true;
}

static bool check_regions(struct image *image)
{
    uint64_t previous_end = 0;
    for (size_t i = 0; i < image->region_count; i++) {
        if (!check_region(image, i, previous_end))
            return false;
        previous_end = image->regions[i].end;
    }
    return true;
}

const struct image_region *image_region_at(const struct image *image, uint64_t address)
{
    for (size_t i = 0; i < image->region_count; i++)
        if (address >= image->regions[i].start && address < image->regions[i].end)
            return &image->regions[i];
    return NULL;
}

static bool has_access(const struct image *image, uint64_t address, uint32_t prot)
{
    const struct image_region *r = image_region_at(image, address);
    return r != NULL && (r->prot & prot) == prot;
}

static bool check_context(struct image *image)
{
    const struct image_context *context = image_note(image, IMAGE_NOTE_NAME, NOTE_CONTEXT, sizeof *context, NULL);
    image->context = context;
    if (context == NULL)
        return wrong(image, "it has no note about the registers (CKPT context)");
    if (!has_access(image, (uint64_t)context->copy.uc_mcontext.gregs[REG_RIP], PROT_EXEC))
        return wrong(image, "rip does not point into a region with code");
    if (!has_access(image, (uint64_t)context->copy.uc_mcontext.gregs[REG_RSP], PROT_READ | PROT_WRITE))
        return wrong(image, "rsp does not point into a region that can be written");
    if (!has_access(image, context->setcontext, PROT_EXEC) || !has_access(image, context->ucontext, PROT_READ))
        return wrong(image, "its setcontext() or ucontext_t lies in no region");
    if (context->second_life != 0 && !has_access(image, context->second_life, PROT_READ | PROT_WRITE))
        return wrong(image, "its struct second_life lies in no region");
    return true;
}

int image_open(struct image *image, const char *path)
{
    struct stat st;
    Elf64_Ehdr elf;
    *image = (struct image){.fd = open(path, O_RDONLY | O_CLOEXEC)};
    if (image->fd < 0 || fstat(image->fd, &st) != 0 || S_ISDIR(st.st_mode)) {
        wrong(image, "%s", image->fd < 0 ? strerror(errno) : strerror(EISDIR));
        image_close(image);
        return EX_NOINPUT;
    }
    image->size = (uint64_t)st.st_size;
    if (check_elf(image, &elf) && read_head(image, &elf) && check_frames(image) && check_header(image) &&
        find_regions(image) && check_regions(image) && check_context(image))
        return 0;
    image_close(image);
    return EX_DATAERR;
}

void image_close(struct image *image)
{
    free(image->head);
    image->head = NULL;
    if (image->fd >= 0)
        close(image->fd);
}
