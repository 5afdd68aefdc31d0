/*
 * part_shared.c - the room of shared memory: which regions show the same object.
 *
 * Their bytes are stored like those of any region (regions.c), all of them: /proc/PID/pagemap does not tell of
 * pages that another mapping wrote.  Here it is noted what belongs together, so that after a restart what is
 * written through one region shows in the others again, and in the file.  The other half is shared_restore.c: this
 * one needs stage 1's parser, which the restorer has not.
 *
 * Sharing is within one process.  Other processes that map the same file or POSIX shared memory go on with it as
 * they like; a restart puts the bytes of the checkpoint back, under their hands.
 *
 * A file that is mapped for reading only is none of ours: it is mapped again, as in stage 3, if it is unchanged.
 * Unless the program had opened it for writing, too: mprotect(2) may make that region writable.  So restart opens
 * it for writing (the bytes are the file's, still).  To do so with any other file would be a harm: nobody can
 * execute a file that is mapped from a descriptor for writing (ETXTBSY).
 */
#include "silly_name.h"
#include "maps.h"
#include "part.h"
#include "shared_memory.h"

#include <sys/sysmacros.h>

/* Memory to work in: the end of the room. */
struct shared_save {
    struct shared_memory *memory; /* the note */
    struct shared_view *limit;    /* where its room ends */
    char line[MAPS_BUFFER_SIZE];
    char names[512 << 10];
};

static long refuse(const struct region *region, const char *why)
{
    say("libckpt: region ", text_number(region->start, 16).digits, "-", text_number(region->end, 16).digits, " ",
        region->name, ": ", why, NULL);
    return -ENOTSUP;
}

/* What a shared region shows; for a SHARED_FILE *st is filled. */
static enum shared_kind kind_of(const struct region *region, struct stat *st)
{
    if (starts_with(region->name, "/dev/zero (deleted)"))
        return SHARED_ANONYMOUS;
    if (starts_with(region->name, "/memfd:"))
        return SHARED_MEMFD;
    bool named = region->name[0] == '/' && !region_is_deleted(region) && !name_is_hidden(region->name) &&
                 sys_call(SYS_newfstatat, AT_FDCWD, (long)region->name, (long)st, 0) == 0;
    return named && st->st_ino == region->inode ? SHARED_FILE : SHARED_NAMELESS;
}

/* NULL, or why a region cannot be saved. */
static const char *obstacle(const struct region *region, enum shared_kind kind, const struct stat *st)
{
    if (starts_with(region->name, "/SYSV"))
        return "System V shared memory (shmget(2)) cannot be saved; POSIX shared memory (shm_open(3)) can";
    if (starts_with(region->name, "/anon_hugepage"))
        return "shared memory of huge pages cannot be saved";
    if (starts_with(region->name, "/secretmem"))
        return "secret memory (memfd_secret(2)) must be in no image";
    bool is_kernels = region->name[0] != '/' || starts_with(region->name, "/[aio]");
    if (is_kernels || (kind == SHARED_FILE && !S_ISREG(st->st_mode)))
        return "memory that is shared with a device or with the kernel cannot be saved";
    bool gone = region_is_deleted(region) || name_is_hidden(region->name);
    if (kind == SHARED_NAMELESS && !gone && (region->prot & PROT_WRITE))
        return "a shared file, and its name leads to another file, or nowhere";
    return NULL;
}

/* The object of a region, or one behind the last. */
static struct shared_object *find(const struct shared_save *save, const struct region *region, uint64_t device)
{
    struct shared_object *object = save->memory->objects, *end = object + save->memory->object_count;
    while (object < end && (object->inode != region->inode || object->device != device))
        object++;
    return object;
}

static bool add_name(struct shared_save *save, struct shared_object *object, const char *name)
{
    struct shared_memory *memory = save->memory;
    size_t room = sizeof save->names - memory->names_size;
    name += object->kind == SHARED_MEMFD ? sizeof "/memfd:" - 1 : 0;
    size_t length = strlen(name);
    if (length >= room)
        return false;
    if (object->kind != SHARED_FILE && ends_with(name, " (deleted)"))
        length -= sizeof " (deleted)" - 1;
    object->name = memory->names_size;
    memcpy(save->names + object->name, name, length);
    save->names[object->name + length] = '\0';
    memory->names_size += length + 1;
    return true;
}

/* Tries it, since maps does not tell ("mw" in smaps would). */
static bool may_become_writable(const struct region *region)
{
    uint64_t size = region->end - region->start;
    if (sys_mprotect(region->start, size, region->prot | PROT_WRITE) != 0)
        return false;
    sys_mprotect(region->start, size, region->prot);
    return true;
}

/* First reading of maps: each object that must be saved. */
static long add_object(struct shared_save *save, const struct region *region)
{
    struct stat st;
    enum shared_kind kind = kind_of(region, &st);
    uint64_t device = kind == SHARED_FILE ? st.st_dev : makedev(region->dev_major, region->dev_minor);
    if (kind == SHARED_FILE && !(region->prot & PROT_WRITE) && !may_become_writable(region))
        return 0;
    const char *why = obstacle(region, kind, &st);
    if (why != NULL)
        return refuse(region, why);
    struct shared_object *object = find(save, region, device);
    if (object < save->memory->objects + save->memory->object_count)
        return 0;
    if ((struct shared_view *)(object + 1) > save->limit)
        return -E2BIG;
    *object = (struct shared_object){.kind = kind, .real_fd = -1, .device = device, .inode = region->inode};
    object->size = kind == SHARED_FILE ? (uint64_t)st.st_size : 0;
    save->memory->object_count++;
    return add_name(save, object, region->name) ? 0 : -E2BIG;
}

/* Second reading: each region that shows one of them; of a file, those for reading as well. */
static long add_view(struct shared_save *save, const struct region *region)
{
    struct stat st;
    struct shared_memory *memory = save->memory;
    enum shared_kind kind = kind_of(region, &st);
    uint64_t device = kind == SHARED_FILE ? st.st_dev : makedev(region->dev_major, region->dev_minor);
    struct shared_object *object = find(save, region, device);
    struct shared_view *view = shared_views(memory) + memory->view_count;
    if (object == memory->objects + memory->object_count)
        return 0;
    if (view + 1 > save->limit)
        return -E2BIG;
    *view = (struct shared_view){region->start, region->end, region->offset, (uint32_t)region->prot,
                                 (uint32_t)(object - memory->objects), 0};
    uint64_t shown = region->offset + (region->end - region->start);
    if (kind != SHARED_FILE && object->size < shown)
        object->size = shown;
    memory->view_count++;
    return 0;
}

/* Calls step() with each shared region but the arena, which holds the note. */
static long read_maps(struct shared_save *save, long (*step)(struct shared_save *, const struct region *))
{
    struct maps_reader reader;
    struct region region;
    uint64_t own = (uint64_t)save->memory;
    long error = 0, got = 0, fd = sys_open("/proc/self/maps", O_RDONLY | O_CLOEXEC, 0);
    if (fd < 0)
        return fd;
    maps_start(&reader, (int)fd, save->line, sizeof save->line);
    while (error == 0 && (got = maps_next(&reader, &region)) == 1)
        if (region.shared && !(region.start <= own && own < region.end))
            error = step(save, &region);
    sys_close((int)fd);
    return error != 0 ? error : got;
}

static long save(const struct save_request *request, void *note, size_t room)
{
    struct shared_memory *memory = note;
    char *end = (char *)note + room;
    struct shared_save *save = (struct shared_save *)(end - round_up(sizeof *save, ARCH_PAGE_SIZE));
    save->memory = memory;
    save->limit = (struct shared_view *)((char *)save - sizeof save->names);
    long error = read_maps(save, add_object);
    if (error == 0)
        error = read_maps(save, add_view);
    if (error != 0 || memory->view_count == 0)
        return error;
    char *names = (char *)(shared_views(memory) + memory->view_count);
    memcpy(names, save->names, memory->names_size);
    return names + memory->names_size - (char *)note;
}

static void describe(part_printf print, const void *note, size_t size)
{
    const struct shared_memory *memory = note;
    const char *why = shared_check(memory, size);
    static const char kinds[SHARED_KINDS][24] = {"anonymous", "memfd", "file", "file without a name"};
    if (why != NULL) {
        print("  broken: %s\n", why);
        return;
    }
    const struct shared_view *views = shared_views(memory);
    for (uint32_t i = 0; i < memory->object_count; i++) {
        const struct shared_object *object = &memory->objects[i];
        print("  %s%s%s, %lu bytes, shown by\n", kinds[object->kind], object->kind == SHARED_ANONYMOUS ? "" : " ",
              object->kind == SHARED_ANONYMOUS ? "" : shared_name(memory, object), object->size);
        for (const struct shared_view *view = views; view < views + memory->view_count; view++)
            if (view->object == i)
                print("    %lx-%lx from byte %lu on\n", view->start, view->end, view->offset);
    }
}

const struct part shared_part = {
    NOTE_SHARED, "shared", sizeof(struct shared_memory), save, describe, shared_restore,
};
