/*
 * checkpoint.c - one checkpoint, in this order:
 *
 *     1. map an arena to work in                       (its region is left out of the image)
 *     2. refuse what would give a broken image         (threads, shared memory)
 *     3. list the regions, let each part write its note
 *     4. write IMAGE.tmp.PID, rename it to IMAGE
 *     5. let each part undo what saving changed, unmap the arena
 */
#include "checkpoint.h"
#include "core_notes.h"
#include "image_write.h"
#include "sys.h"

#include <errno.h>
#include <signal.h>
#include <string.h>
#include <time.h>

/* "libckpt: pid 123 keeps running, but there is no checkpoint: WHAT: WHY" in one write. */
static int refuse(const char *what, const char *why, int error)
{
    struct out o;
    out_init(&o, 2);
    out_printf(&o, "libckpt: no checkpoint (the program goes on): %s: %s\n", what, why);
    out_flush(&o);
    return error;
}

/* The number of threads: entries of /proc/self/task, which has one directory for each. */
static long count_threads(struct arena *arena)
{
    char *entries = (char *)arena->start + arena->used; // NOLINT
    long fd = sys_open("/proc/self/task", O_RDONLY | O_DIRECTORY | O_CLOEXEC, 0);
    if (fd < 0)
        return fd;
    long threads = 0;
    long size = sys_call(SYS_getdents64, (int)fd, (long)entries, 4096, 0);
    for (long at = 0; at < size;) {
        /* struct linux_dirent64, getdents64(2): inode and offset of 8 bytes, record length, type, name. */
        uint16_t length;
        memcpy(&length, entries + at + 16, sizeof length);
        threads += entries[at + 19] != '.';
        at += length;
    }
    sys_close((int)fd);
    return size < 0 ? size : threads;
}

static int check_threads(struct arena *arena)
{
    //@ step 2.8 Refuse a program with more than one thread.
    //@ count_threads() counts them. The other threads' registers are not ours to read, and they would
    //@ go on changing memory while we save it. Say so with refuse(); return -ENOTSUP. Return 0 if fine.
    //@ stub: (void)arena, (void)count_threads;
    //@ stub: return 0;
    long threads = count_threads(arena);
    if (threads < 0)
        return refuse("/proc/self/task", out_error_text(-threads), (int)threads);
    if (threads > 1)
        return refuse("the program has more than one thread", "ckptlab saves single-threaded programs", -ENOTSUP);
    return 0;
    //@ end
}

static int list_regions(struct region_table *t, struct arena *arena, bool full)
{
    struct region_refusal no = {0};
    struct out o;
    *t = (struct region_table){.max = 160000, .names_max = 8 << 20, .full = full, .pagemap = -1};
    t->regions = arena_take(arena, t->max * sizeof *t->regions);
    t->names = arena_take(arena, t->names_max);
    int error = regions_read(t, arena, &no);
    if (no.name != NULL) {
        out_init(&o, -1);
        out_printf(&o, "region %lx-%lx %s", no.start, no.end, no.name);
        return refuse(out_text(&o), "it is writable and shared with others, which stage 4 restores", error);
    }
    if (error != 0)
        refuse("/proc/self/maps", error == -E2BIG ? "too many regions" : out_error_text(-error), error);
    return error;
}

static int add_header(struct note_list *notes, const struct region_table *t)
{
    struct image_header *header = note_begin(notes, sizeof *header);
    if (header == NULL)
        return -ENOMEM;
    *header = (struct image_header){.version = IMAGE_VERSION, .page_size = ARCH_PAGE_SIZE,
                                    .region_count = (uint32_t)t->count, .pid = (uint32_t)sys_getpid()};
    notes->checksum = &header->checksum;
    note_end(notes, IMAGE_NOTE_NAME, NOTE_HEADER, sizeof *header);
    return 0;
}

static int add_regions(struct note_list *notes, const struct region_table *t)
{
    size_t size = t->count * sizeof *t->regions;
    char *note = note_begin(notes, size + t->names_size);
    if (note == NULL)
        return -ENOMEM;
    memcpy(note, t->regions, size);
    memcpy(note + size, t->names, t->names_size);
    note_end(notes, IMAGE_NOTE_NAME, NOTE_REGIONS, size + t->names_size);
    return 0;
}

/* Where each part's note came to lie, so that the part can undo what saving did. */
struct saved_part {
    const void *note;
    size_t size;
};

#define MAX_PARTS 16

static int add_parts(struct note_list *notes, const struct save_request *request, struct saved_part *saved)
{
    for (size_t i = 0; all_parts[i] != NULL; i++) {
        size_t room = 1 << 20; /* bytes; thousands of pending signals fit */
        void *note = note_begin(notes, room);
        long size = note == NULL ? -ENOMEM : all_parts[i]->save(request, note, room);
        if (size < 0)
            return refuse(all_parts[i]->name, out_error_text(-size), (int)size);
        if (size == 0)
            continue;
        saved[i] = (struct saved_part){note, (size_t)size};
        note_end(notes, IMAGE_NOTE_NAME, all_parts[i]->type, (size_t)size);
    }
    return 0;
}

static void resume_parts(const struct saved_part *saved)
{
    for (size_t i = 0; all_parts[i] != NULL; i++)
        if (saved[i].note != NULL && all_parts[i]->resume != NULL)
            all_parts[i]->resume(saved[i].note, saved[i].size);
}

/*
 * A file over the limit (RLIMIT_FSIZE) costs an error, EFBIG, and a signal, SIGXFSZ, which waits until
 * the handler returns, and then kills.  Take it back: the program did nothing wrong.
 */
static void forget_sigxfsz(void)
{
    uint64_t set = 1UL << (SIGXFSZ - 1);
    struct timespec now = {0, 0};
    sys_call(SYS_rt_sigtimedwait, (long)&set, 0, (long)&now, sizeof set);
}

/* PATH.tmp.PID, in the arena: in the same directory, so that rename(2) is one step. */
static const char *temporary_name(struct arena *arena, const char *path)
{
    struct out suffix;
    size_t length = strlen(path);
    out_init(&suffix, -1);
    out_printf(&suffix, ".tmp.%ld", sys_getpid());
    char *name = arena_take(arena, length + suffix.length + 1);
    if (name != NULL) {
        memcpy(name, path, length);
        memcpy(name + length, suffix.buf, suffix.length);
    }
    return name;
}

static int write_and_rename(struct arena *arena, const struct region_table *t, struct note_list *notes, const char *path)
{
    //@ step 2.7 Write the image under a temporary name, then rename it.
    //@ Open temporary_name() (O_CREAT, O_TRUNC, mode 0600: it holds all the program's secrets), image_write(),
    //@ close it, and rename it to path (SYS_rename). If anything fails, unlink the temporary file, say
    //@ why with refuse(), and return the error. On EFBIG, forget_sigxfsz(). To see something at once, you
    //@ may open `path` itself first; but think what a full disk then does to yesterday's image.
    //@ stub: (void)arena, (void)t, (void)notes, (void)forget_sigxfsz, (void)temporary_name;
    //@ stub: return refuse(path, "step 2.7 is not yet written", -ENOSYS);
    const char *temporary = temporary_name(arena, path);
    if (temporary == NULL)
        return refuse(path, out_error_text(ENOMEM), -ENOMEM);
    long fd = sys_open(temporary, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
    if (fd < 0)
        return refuse(temporary, out_error_text(-fd), (int)fd);
    long error = image_write((int)fd, arena, t, notes);
    long closed = sys_close((int)fd); /* NFS tells of a full disk here */
    if (error == 0)
        error = closed;
    if (error == 0)
        error = sys_call(SYS_rename, (long)temporary, (long)path, 0, 0);
    if (error == 0)
        return 0;
    if (error == -EFBIG)
        forget_sigxfsz();
    sys_call(SYS_unlink, (long)temporary, 0, 0, 0);
    return refuse(path, out_error_text(-error), (int)error);
    //@ end
}

static int write_with_notes(const struct save_request *request, const char *path, struct arena *arena,
                            const struct region_table *table)
{
    struct saved_part saved[MAX_PARTS] = {{0}};
    struct note_list notes = {.max = 32 << 20};
    notes.bytes = arena_take(arena, notes.max);
    int error = core_notes_add(&notes, request, table);
    if (error == 0)
        error = add_header(&notes, table);
    if (error == 0)
        error = add_regions(&notes, table);
    if (error != 0)
        return refuse("notes", out_error_text(-error), error);
    error = add_parts(&notes, request, saved);
    if (error == 0)
        error = write_and_rename(arena, table, &notes, path);
    resume_parts(saved);
    return error;
}

static int save_all(const struct save_request *request, const char *path, struct arena *arena)
{
    struct region_table table;
    int error = check_threads(arena);
    if (error != 0)
        return error;
    error = list_regions(&table, arena, request->full);
    if (error == 0)
        error = write_with_notes(request, path, arena, &table);
    sys_close(table.pagemap);
    return error;
}

int checkpoint_take(const struct save_request *request, const char *path)
{
    struct arena arena;
    int error = arena_map(&arena);
    if (error != 0)
        return refuse("memory to work in", out_error_text(-error), error);
    error = save_all(request, path, &arena);
    arena_unmap(&arena);
    return error;
}
