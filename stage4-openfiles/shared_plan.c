/*
 * shared_plan.c - opens what the program had mapped and shared, before anything is destroyed.
 *
 *     a file              by its name; or by that which an edited Open File Table has for it (restart -f)
 *     a memfd, or a file  if the program has a descriptor of it as well, what that one shows: files_plan.c
 *     without a name      opened it; else a new one
 */
#include "shared_plan.h"
#include "fdtext.h"
#include "files_plan.h"
#include "shared_memory.h"

/* Where we are. */
struct shared_work {
    struct shared_memory *memory;
    const struct open_file_table *table; /* of files_plan(), or NULL */
    int base; /* files_base() */
    int problems; /* said so far */
};

static void refuse(const struct shared_work *work, const struct shared_object *object, const char *why)
{
    errx(EX_NOINPUT, "%s, of which the program shows pages: %s. Nothing is lost: bring it back%s",
         shared_name(work->memory, object), why, object->kind != SHARED_FILE ? "" :
         "; or, if the program has it open, tell where it is: readckpt --files IMAGE >" FDTEXT_DEFAULT
         "; edit it; restart -f IMAGE");
}

/* A descriptor of the program that shows the object, or NULL. */
static const struct open_file *find_open(const struct shared_work *work, const struct shared_object *object)
{
    const struct open_file_table *table = work->table;
    for (uint32_t i = 0; table != NULL && i < table->count; i++) {
        const struct open_file *file = &table->files[i];
        bool same_name = strcmp(open_path(table, file), shared_name(work->memory, object)) == 0;
        bool same_kind = object->kind == SHARED_MEMFD ? file->kind == OPEN_MEMFD :
                         file->kind == OPEN_FILE && file->deleted == (object->kind == SHARED_NAMELESS);
        if (same_kind && file->dup_of == file->fd && file->real_fd >= 0 && file->inode == object->inode &&
            (file->device == object->device || same_name))
            return file;
    }
    return NULL;
}

/* It must be the file that it was, unless the user says that it lies elsewhere now. */
static int open_named(const struct shared_work *work, const struct shared_object *object)
{
    struct stat now;
    const struct open_file *entry = find_open(work, object);
    const char *name = shared_name(work->memory, object);
    const char *path = entry != NULL ? open_path(work->table, entry) : name;
    if (stat(path, &now) == 0 && !S_ISREG(now.st_mode)) /* to open a FIFO would wake whoever waits there */
        refuse(work, object, "it is of another type now");
    int fd = open(path, O_RDWR | O_NOCTTY | O_NONBLOCK | O_CLOEXEC);
    if (fd < 0 || fstat(fd, &now) != 0)
        refuse(work, object, strerror(errno));
    if (strcmp(path, name) == 0 && now.st_ino != object->inode)
        refuse(work, object, "another file has its name now");
    return fd;
}

/* The program's own descriptor may be for reading only. */
static int open_again(const struct open_file *entry)
{
    char link[64];
    snprintf(link, sizeof link, "/proc/self/fd/%d", entry->real_fd);
    return open(link, O_RDWR | O_CLOEXEC);
}

static int open_nameless(const struct shared_work *work, struct shared_object *object)
{
    const struct open_file *entry = find_open(work, object);
    if (entry != NULL)
        object->size = entry->size;
    if (object->kind == SHARED_NAMELESS)
        return (int)open_placeholder(); /* until shared_commit() */
    return entry != NULL ? open_again(entry) : memfd_create(shared_name(work->memory, object), MFD_CLOEXEC);
}

/*
 * True for a file of which all regions are for reading, though it was open for writing.  It has no bytes in the
 * image; restart_plan.c checks that it is unchanged, as with all files that are read.
 */
static bool is_only_read(const struct shared_memory *memory, uint32_t index)
{
    const struct shared_view *view = shared_views(memory), *end = view + memory->view_count;
    while (view < end && (view->object != index || !(view->prot & PROT_WRITE)))
        view++;
    return memory->objects[index].kind == SHARED_FILE && view == end;
}

/* -1: it cannot be written now; then its regions stay as restorer_map.c makes them. */
static int open_only_read(struct shared_work *work, const struct shared_object *object)
{
    struct stat now;
    const char *name = shared_name(work->memory, object);
    int fd = open(name, O_RDWR | O_NOCTTY | O_NONBLOCK | O_CLOEXEC);
    if (fd >= 0 && fstat(fd, &now) == 0 && S_ISREG(now.st_mode) && now.st_ino == object->inode)
        return descriptor_lift(fd, work->base);
    warnx("%s is mapped for reading; it can no longer become writable (mprotect(2)): %s", name,
          fd < 0 ? strerror(errno) : "another file has its name now");
    if (fd >= 0)
        close(fd);
    work->problems++;
    return -1;
}

static void open_object(struct shared_work *work, struct shared_object *object)
{
    object->real_fd = -1;
    if (object->kind == SHARED_ANONYMOUS)
        return;
    if (is_only_read(work->memory, (uint32_t)(object - work->memory->objects))) {
        object->real_fd = open_only_read(work, object);
        return;
    }
    int fd = object->kind == SHARED_FILE ? open_named(work, object) : open_nameless(work, object);
    if (fd < 0)
        err(EX_OSERR, "shared memory %s cannot be made again", shared_name(work->memory, object));
    object->real_fd = descriptor_lift(fd, work->base);
}

static bool is_same(const struct shared_view *view, const struct image_region *region)
{
    return view->start == region->start && view->end == region->end && view->offset == region->offset &&
           view->prot == region->prot && (region->flags & REGION_SHARED);
}

/* Each region that is shared, and can be written or has no file, must be a view; and each view a region. */
static void match_regions(const struct shared_memory *memory, struct image *image)
{
    struct shared_view *view = shared_views(memory), *end = view + memory->view_count;
    for (struct image_region *r = image->regions; r < image->regions + image->region_count; r++) {
        bool must_be = (r->flags & REGION_SHARED) && ((r->prot & PROT_WRITE) || !(r->flags & REGION_FILE));
        if (view < end && is_same(view, r)) {
            view++->stored = (r->flags & REGION_STORED) != 0;
            r->flags &= ~(is_only_read(memory, view[-1].object) ? 0U : REGION_FILE);
        } else if (must_be) {
            errx(EX_DATAERR, "the image does not say what the shared region %lx-%lx shows", r->start, r->end);
        }
    }
    if (view < end)
        errx(EX_DATAERR, "the image's note about shared memory speaks of a region that is not there");
}

int shared_plan(struct image *image)
{
    size_t size = sizeof(struct shared_memory);
    static const struct shared_memory none;
    const struct shared_memory *note = image_note(image, IMAGE_NOTE_NAME, NOTE_SHARED, sizeof *note, &size);
    const char *why = note == NULL ? NULL : shared_check(note, size);
    struct shared_work work = {.memory = malloc(size), .base = 3};
    if (why != NULL)
        errx(EX_DATAERR, "the image's note about shared memory: %s", why);
    if (work.memory == NULL)
        err(EX_OSERR, "the note about shared memory");
    memcpy(work.memory, note != NULL ? note : &none, size);
    match_regions(work.memory, image);
    work.table = image_note(image, IMAGE_NOTE_NAME, NOTE_FILES, sizeof *work.table, NULL);
    if (work.table != NULL)
        work.base = files_base(work.table);
    for (uint32_t i = 0; i < work.memory->object_count; i++)
        open_object(&work, &work.memory->objects[i]);
    if (note != NULL)
        image_put_note(image, NOTE_SHARED, work.memory, size);
    return work.problems;
}

void shared_commit(const struct image *image)
{
    const struct shared_memory *memory = image_note(image, IMAGE_NOTE_NAME, NOTE_SHARED, sizeof *memory, NULL);
    struct shared_work work = {.memory = (struct shared_memory *)memory};
    work.table = image_note(image, IMAGE_NOTE_NAME, NOTE_FILES, sizeof *work.table, NULL);
    for (uint32_t i = 0; memory != NULL && i < memory->object_count; i++) {
        const struct shared_object *object = &memory->objects[i];
        const struct open_file *entry = find_open(&work, object);
        if (object->kind != SHARED_NAMELESS)
            continue;
        long fd = entry != NULL ? open_again(entry) : make_nameless(shared_name(memory, object));
        if (fd < 0 || fd_replace(fd, object->real_fd) != 0)
            errx(EX_OSERR, "shared memory %s cannot be made again", shared_name(memory, object));
    }
}
