//@ top
/* Notes begin at a page of their own, and each region at a multiple of this: od(1) shows round offsets. */
#define SLOT (8 * ARCH_PAGE_SIZE)
//@ end
//@ replace
    notes->start = notes->size = sizeof(Elf64_Ehdr) + (region_count + 1) * sizeof(Elf64_Phdr);
//@ with
    Elf64_Phdr *behind = (Elf64_Phdr *)(notes->bytes + sizeof(Elf64_Ehdr)) + 1 + region_count;
    notes->start = round_up((uint64_t)((char *)behind - notes->bytes), ARCH_PAGE_SIZE);
    notes->size = notes->start;
//@ end
//@ step 2.6
    Elf64_Nhdr *head = (Elf64_Nhdr *)(notes->bytes + notes->size);
    char *p = (char *)(head + 1), *q = p + 8;
    head->n_type = type;
    head->n_descsz = (Elf64_Word)size;
    head->n_namesz = NOTE_NAME_SIZE;
    while (p < q)
        *p++ = *name != '\0' ? *name++ : '\0';
    for (q += size; (q - notes->bytes) & 3; q++)
        ;
    notes->size = (size_t)(q - notes->bytes);
//@ end
//@ step 2.5
    Elf64_Phdr ph = {0}, *p = &ph;
    p->p_type = PT_LOAD;
    p->p_vaddr = region->start;
    p->p_memsz = region->end - p->p_vaddr;
    p->p_offset = offset;
    p->p_align = 1 << 12;
    if (region->prot & PROT_READ)
        p->p_flags += PF_R;
    if (region->prot & PROT_WRITE)
        p->p_flags += PF_W;
    if (region->prot & PROT_EXEC)
        p->p_flags += PF_X;
    if (region->flags & REGION_STORED)
        p->p_filesz += p->p_memsz;
    return ph;
//@ end
//@ replace
    uint64_t offset = round_up(notes->size, ARCH_PAGE_SIZE);
//@ with
    uint64_t offset = round_up(notes->size, SLOT), size = offset;
//@ end
//@ replace
    for (size_t i = 0; i < t->count; i++) {
        segments[i + 1] = load_header(&t->regions[i], offsets != NULL ? offsets[i] : offset);
        offset += segments[i + 1].p_filesz;
    }
//@ with
    Elf64_Phdr *load = segments;
    for (const struct image_region *r = t->regions; r < t->regions + t->count; r++) {
        *++load = load_header(r, offsets != NULL ? offsets[r - t->regions] : offset);
        if (load->p_filesz > 0)
            size = offset + load->p_filesz;
        offset = round_up(size, SLOT);
    }
    offset = size;
//@ end
