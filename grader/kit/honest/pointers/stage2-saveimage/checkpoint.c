//@ top
/* A note of mine, for strings(1): who wrote this file. Readers skip a type that they do not know. */
#define NOTE_WRITER 0x434b0100
//@ end
//@ replace
/* The notes that every image of ours has. */
static void add_notes(struct note_list *notes, const struct save_request *request, const struct region_table *t)
{
//@ with
/* The note that comes first. */
static void add_header(struct note_list *notes, const struct region_table *t)
{
//@ end
//@ replace
    note_end(notes, IMAGE_NOTE_NAME, NOTE_HEADER, sizeof *header);

    size_t size = t->count * sizeof *t->regions;
    char *regions = note_begin(notes);
    memcpy(regions, t->regions, size);
    memcpy(regions + size, t->names, t->names_size);
    note_end(notes, IMAGE_NOTE_NAME, NOTE_REGIONS, size + t->names_size);

    struct image_context *context = note_begin(notes);
//@ with
    note_end(notes, IMAGE_NOTE_NAME, NOTE_HEADER, sizeof *header);
}

/* The other notes that every image has: the large one comes last. */
static void add_notes(struct note_list *notes, const struct save_request *request, const struct region_table *t)
{
    char *text = note_begin(notes);
    size_t length = text_join(text, 64, "written by the third try of my libckpt.so", NULL);
    note_end(notes, IMAGE_NOTE_NAME, NOTE_WRITER, length + 1);

    struct image_context *context = note_begin(notes);
//@ end
//@ replace
    note_end(notes, IMAGE_NOTE_NAME, NOTE_CONTEXT, sizeof *context);
}
//@ with
    note_end(notes, IMAGE_NOTE_NAME, NOTE_CONTEXT, sizeof *context);

    char *start = note_begin(notes), *p = start;
    for (const struct image_region *r = t->regions, *stop = r + t->count; r < stop; p += sizeof *r)
        memcpy(p, r++, sizeof *r);
    memcpy(p, t->names, t->names_size);
    p += t->names_size;
    note_end(notes, IMAGE_NOTE_NAME, NOTE_REGIONS, (size_t)(p - start));
}
//@ end
//@ replace
    add_notes(notes, request, &arena->table);
    error = add_parts(notes, request);
//@ with
    add_header(notes, &arena->table);
    error = add_parts(notes, request);
    add_notes(notes, request, &arena->table);
//@ end
//@ step 2.3
    int fd, e;
    if ((fd = e = (int)sys_open(temporary, O_CREAT | O_TRUNC | O_WRONLY | O_CLOEXEC | O_NOFOLLOW, 0600)) < 0)
        goto say_why;
    if ((e = image_write(fd, arena)) < 0)
        goto close_it;
    e = (int)sys_close(fd);
    fd = -1;
    if (e < 0 || (e = (int)sys_call(SYS_rename, (long)temporary, (long)path, 0, 0)) < 0)
        goto remove_it;
    return 0;
close_it:
    sys_close(fd);
remove_it:
    sys_call(SYS_unlink, (long)temporary, 0, 0, 0);
    if (e == -EFBIG)
        forget_sigxfsz();
say_why:
    return refuse(temporary, strerrordesc_np(-e), e);
//@ end
//@ step 2.9
    if (procfile_stat(20) == 1)
        return 0;
    return refuse("there are other threads", "their registers cannot be had", -ENOTSUP);
//@ end
