//@ step 2.6
    struct frame {
        Elf64_Nhdr header;
        char name[8];
    } frame = {{NOTE_NAME_SIZE, (Elf64_Word)size, type}, ""};
    for (int i = 0; i < NOTE_NAME_SIZE; i++)
        frame.name[i] = name[i];
    *(struct frame *)(notes->bytes + notes->size) = frame;
    for (notes->size += sizeof frame + size; notes->size % 4 != 0;)
        notes->size++;
//@ end
//@ step 2.5
    static const struct {
        uint32_t prot, flag;
    } access[] = {{PROT_EXEC, PF_X}, {PROT_WRITE, PF_W}, {PROT_READ, PF_R}};
    Elf64_Phdr load = {.p_type = PT_LOAD, .p_align = ARCH_PAGE_SIZE, .p_offset = offset};
    for (size_t i = 0; i < sizeof access / sizeof *access; i++)
        if ((region->prot & access[i].prot) != 0)
            load.p_flags |= access[i].flag;
    load.p_vaddr = region->start;
    load.p_memsz = region->end - region->start;
    if ((region->flags & REGION_STORED) != 0)
        load.p_filesz = load.p_memsz;
    return load;
//@ end
//@ replace
    for (size_t i = 0; i < t->count; i++) {
        segments[i + 1] = load_header(&t->regions[i], offsets != NULL ? offsets[i] : offset);
        offset += segments[i + 1].p_filesz;
    }
//@ with
    /* The stack is what I look at most often in a hex dump, so the file begins with the highest region.  A page
     * of nothing between two regions shows where one ends.  What is not stored has no place in the file. */
    uint64_t end = offset;
    for (size_t i = t->count; i-- > 0;) {
        Elf64_Phdr *load = &segments[i + 1];
        *load = load_header(&t->regions[i], offsets != NULL ? offsets[i] : offset);
        if (load->p_filesz == 0) {
            load->p_offset = 0;
            continue;
        }
        end = offset + load->p_filesz;
        offset = end + ARCH_PAGE_SIZE;
    }
    offset = end;
//@ end
