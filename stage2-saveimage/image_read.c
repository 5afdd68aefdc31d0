/*
 * image_read.c - opens and checks an image, from the outside in: the ELF header, the notes' frames, the
 * checksum, the regions, the context.  Each check relies on those before it.  Given.
 */
#include "image_read.h"
#include "arena.h"
#include "no_image.h"

/* Unless `fine`, notes the reason.  Returns fine: so checks are joined with &&. */
static bool need(struct image *image, bool fine, const char *reason)
{
    if (!fine)
        image->why = reason;
    return fine;
}

bool image_pread(const struct image *image, void *to, uint64_t size, uint64_t offset)
{
    ssize_t n = 1;
    for (; size > 0 && n > 0; size -= (uint64_t)n, offset += (uint64_t)n, to = (char *)to + n)
        n = pread(image->fd, to, size, (off_t)offset);
    return size == 0;
}

static bool check_elf(struct image *image, const Elf64_Ehdr *elf)
{
    return need(image, image_pread(image, (void *)elf, sizeof *elf, 0) &&
                memcmp(elf->e_ident, ELFMAG, SELFMAG) == 0, "not an image: not an ELF file") &&
           need(image, no_image_here(elf) == NULL, no_image_here(elf)) &&
           need(image, elf->e_type == ET_CORE && elf->e_phentsize == sizeof(Elf64_Phdr) &&
                elf->e_phoff == sizeof *elf && elf->e_phnum > 0 && elf->e_phnum != PN_XNUM,
                "not an image: an ELF file of another kind");
}

bool image_read_head(struct image *image, const Elf64_Ehdr *elf)
{
    Elf64_Phdr notes;
    uint64_t table_end = sizeof *elf + elf->e_phnum * sizeof notes;
    if (!need(image, image_pread(image, &notes, sizeof notes, elf->e_phoff), "truncated in its program headers") ||
        !need(image, notes.p_type == PT_NOTE && notes.p_offset >= table_end && notes.p_offset % 4 == 0,
              "its first program header is not PT_NOTE") ||
        !need(image, notes.p_offset <= image->size && notes.p_filesz <= image->size - notes.p_offset,
              "truncated in its notes") ||
        !need(image, notes.p_offset + notes.p_filesz <= HEAD_ROOM, "its notes are larger than any image's"))
        return false;
    image->head_size = notes.p_offset + notes.p_filesz;
    image->head = malloc(image->head_size);
    image->segments = (const Elf64_Phdr *)(image->head + sizeof *elf);
    image->loads = image->segments + 1;
    image->region_count = elf->e_phnum - 1U;
    return need(image, image->head != NULL && image_pread(image, image->head, image->head_size, 0),
                "its notes cannot be read");
}

bool image_next_note(const struct image *image, uint64_t *at, struct image_note *note)
{
    Elf64_Nhdr header;
    const char *notes = image->head + image->segments->p_offset;
    uint64_t end = image->segments->p_filesz;
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
    uint64_t at = 0;
    for (size_t made = 0; made < image->made_count || image_next_note(image, &at, &note); made++) {
        if (made < image->made_count)
            note = image->made[made];
        if (note.type != type || strcmp(note.name, name) != 0 || note.size < min_size)
            continue;
        if (size != NULL)
            *size = note.size;
        return note.value;
    }
    return NULL;
}

/* The notes fill their segment, and none that a part of this build reads is too short for it. */
static bool check_frames(struct image *image)
{
    struct image_note note;
    uint64_t at = 0;
    while (image_next_note(image, &at, &note))
        for (size_t i = 0; all_parts[i] != NULL && strcmp(note.name, IMAGE_NOTE_NAME) == 0; i++)
            if (note.type == all_parts[i]->type && note.size < all_parts[i]->min_size)
                return need(image, false, "one of its notes is too short");
    return need(image, at == image->segments->p_filesz, "its notes are broken: they end before their segment");
}

static bool check_header(struct image *image)
{
    const struct image_header *header = image_note(image, IMAGE_NOTE_NAME, NOTE_HEADER, sizeof *header, NULL);
    image->header = header;
    if (!need(image, header != NULL, "a core file without checkpoint notes (stage 5 restarts these)") ||
        !need(image, header->version == IMAGE_VERSION, "of another format version: use the lab that wrote it") ||
        !need(image, header->page_size == ARCH_PAGE_SIZE, "its pages have another size than those of this build"))
        return false;
    uint64_t zero = 0, at = (uint64_t)((const char *)&header->checksum - image->head);
    uint64_t sum = image_checksum(IMAGE_CHECKSUM_START, image->head, at);
    sum = image_checksum(sum, &zero, sizeof zero);
    sum = image_checksum(sum, image->head + at + sizeof zero, image->head_size - at - sizeof zero);
    return need(image, header->checksum == 0 || header->checksum == sum, "corrupt: its checksum is wrong");
}

static bool check_region(struct image *image, size_t i)
{
    struct image_region *r = &image->regions[i];
    const Elf64_Phdr *load = &image->loads[i];
    uint64_t size = r->end - r->start, previous_end = i == 0 ? 0 : r[-1].end;
    r->flags &= ~(uint32_t)REGION_HERE; /* no image can say that */
    return need(image, r->start >= previous_end && r->start < r->end && r->end <= ARCH_USER_END &&
                (r->start | r->end | r->offset) % ARCH_PAGE_SIZE == 0 &&
                (r->prot & ~(uint32_t)(PROT_READ | PROT_WRITE | PROT_EXEC)) == 0 && r->name < image->names_size,
                "a region is impossible, overlaps another or is out of order") &&
           need(image, load->p_type == PT_LOAD && load->p_vaddr == r->start && load->p_memsz == size &&
                load->p_filesz == (r->flags & REGION_STORED ? size : 0),
                "its program headers are not those of its regions") &&
           need(image, load->p_filesz == 0 || (load->p_offset % ARCH_PAGE_SIZE == 0 &&
                load->p_offset >= image->head_size && load->p_offset <= image->size &&
                load->p_filesz <= image->size - load->p_offset),
                "truncated: it ends before the bytes of its regions do");
}

static bool check_regions(struct image *image)
{
    size_t size, array = image->region_count * sizeof *image->regions;
    image->regions = (struct image_region *)image_note(image, IMAGE_NOTE_NAME, NOTE_REGIONS, array + 1, &size);
    if (!need(image, image->regions != NULL && image->header->region_count == image->region_count,
              "it has another number of PT_LOADs than of regions"))
        return false;
    image->names = (const char *)image->regions + array;
    image->names_size = size - array;
    bool fine = need(image, image->names[image->names_size - 1] == '\0', "the names of its regions have no end");
    for (size_t i = 0; i < image->region_count && fine; i++)
        fine = check_region(image, i);
    return fine;
}

const struct image_region *image_region_at(const struct image *image, uint64_t address)
{
    for (size_t i = 0; i < image->region_count; i++)
        if (address >= image->regions[i].start && address < image->regions[i].end)
            return &image->regions[i];
    return NULL;
}

/* True if the `size` bytes at an address lie in one region, and the program had this access to them. */
static bool has_access(const struct image *image, uint64_t address, uint64_t size, uint32_t prot)
{
    const struct image_region *r = image_region_at(image, address);
    return r != NULL && (r->prot & prot) == prot && size <= r->end - address;
}

static bool check_context(struct image *image)
{
    const struct image_context *c = image_note(image, IMAGE_NOTE_NAME, NOTE_CONTEXT, sizeof *c, NULL);
    image->context = c;
    return need(image, c != NULL, "it has no note about the registers") &&
           need(image, has_access(image, arch_frame_code(&c->copy), 1, PROT_EXEC) &&
                has_access(image, arch_frame_stack(&c->copy), 1, PROT_READ | PROT_WRITE) &&
                has_access(image, c->setcontext, 1, PROT_EXEC) &&
                has_access(image, c->ucontext, sizeof c->copy, PROT_READ) &&
                (c->second_life == 0 || has_access(image, c->second_life, sizeof(struct second_life), PROT_WRITE)),
                "its registers, setcontext(), ucontext_t or struct second_life lies in no region for it");
}

int image_open(struct image *image, const char *path)
{
    struct stat st;
    Elf64_Ehdr elf;
    *image = (struct image){.why = no_image_reason(path)};
    if (image->why != NULL)
        return EX_DATAERR;
    image->fd = open(path, O_RDONLY | O_NONBLOCK | O_CLOEXEC);
    if (image->fd < 0) {
        image->why = strerror(errno);
        return EX_NOINPUT;
    }
    image->size = fstat(image->fd, &st) == 0 ? (uint64_t)st.st_size : 0;
    if (check_elf(image, &elf) && image_read_head(image, &elf) && check_frames(image) && check_header(image) &&
        check_regions(image) && check_context(image))
        return 0;
    image_close(image);
    return EX_DATAERR;
}

void image_close(struct image *image)
{
    free(image->head);
    close(image->fd);
}
