/*
 * checkpoint.c - one checkpoint, in this order:
 *
 *     1. refuse a program with threads
 *     2. map an arena to work in              (its region is left out of the image)
 *     3. list the regions                     (refuse shared memory)
 *     4. let each part write its note
 *     5. write IMAGE.tmp.PID, rename it to IMAGE
 *     6. let each part undo what saving changed, unmap the arena
 */
#include "checkpoint.h"
#include "core_notes.h"
#include "image_write.h"
#include "procfile.h"
#include "sys.h"
#include "text.h"

/*
 * What the arena holds at the most, in bytes: 65,534 regions and their names, both twice (in the table
 * and in their note) and the names once more in NT_FILE; a note of each part; the program headers.
 */
#define NAMES_ROOM (8UL << 20)
#define MAX_PARTS 16
#define PART_ROOM (1UL << 20) /* thousands of waiting signals fit */
#define NOTES_ROOM (64UL << 20)

/* Says what went wrong, and that the program lives; returns the error. */
static int refuse(const char *what, const char *why, int error)
{
    say("libckpt: no checkpoint; the program goes on: ", what, ": ", why, NULL);
    return error;
}

static void add_header(struct note_list *notes, const struct region_table *t)
{
    struct image_header *header = note_begin(notes);
    *header = (struct image_header){.version = IMAGE_VERSION, .page_size = ARCH_PAGE_SIZE,
                                    .region_count = (uint32_t)t->count, .pid = (uint32_t)sys_getpid()};
    notes->checksum = &header->checksum;
    note_end(notes, IMAGE_NOTE_NAME, NOTE_HEADER, sizeof *header);
}

static void add_regions(struct note_list *notes, const struct region_table *t)
{
    size_t size = t->count * sizeof *t->regions;
    char *note = note_begin(notes);
    memcpy(note, t->regions, size);
    memcpy(note + size, t->names, t->names_size);
    note_end(notes, IMAGE_NOTE_NAME, NOTE_REGIONS, size + t->names_size);
}

static void add_context(struct note_list *notes, const struct save_request *request)
{
    *(struct image_context *)note_begin(notes) =
        (struct image_context){.ucontext = (uint64_t)request->context, .setcontext = request->setcontext,
                               .second_life = (uint64_t)request->second_life, .copy = *request->context};
    note_end(notes, IMAGE_NOTE_NAME, NOTE_CONTEXT, sizeof(struct image_context));
}

/* saved[i] gets the note of the i-th part, if it wrote one, so that the part can undo what saving did. */
static int add_parts(struct note_list *notes, const struct save_request *request, const void **saved)
{
    for (size_t i = 0; all_parts[i] != NULL; i++) {
        void *note = note_begin(notes);
        long size = all_parts[i]->save(request, note, PART_ROOM);
        if (size < 0)
            return refuse(all_parts[i]->name, strerrordesc_np((int)-size), (int)size);
        if (size > 0) {
            saved[i] = note;
            note_end(notes, IMAGE_NOTE_NAME, all_parts[i]->type, (size_t)size);
        }
    }
    return 0;
}

static void resume_parts(const void *const *saved)
{
    for (size_t i = 0; all_parts[i] != NULL; i++)
        if (saved[i] != NULL && all_parts[i]->resume != NULL)
            all_parts[i]->resume(saved[i]);
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
    char pid[TEXT_NUMBER_SIZE], *name = arena_take(arena, 2 * PATH_MAX);
    text_join(name, 2 * PATH_MAX, path, ".tmp.", text_number(pid, (uint64_t)sys_getpid(), 10), NULL);
    return name;
}

static int write_and_rename(struct arena *arena, const struct region_table *t, const struct note_list *notes, const char *path)
{
    const char *temporary = temporary_name(arena, path);
    //@ step 2.3 Write the image under the temporary name, then rename it to `path`.
    //@ sys_open() `temporary` (O_CREAT, O_TRUNC; mode 0600, since it holds all the program's secrets),
    //@ image_write(), sys_close(), and sys_call(SYS_rename, ...). If anything fails, SYS_unlink the
    //@ temporary file, say why with refuse(), and return the error; on -EFBIG also forget_sigxfsz().
    //@ You may open `path` itself first, to see something soon; but think of what a full disk then does to
    //@ yesterday's image.
    //@ stub: (void)forget_sigxfsz, (void)temporary;
    //@ stub: return refuse(path, "step 2.3 is not yet written", -ENOSYS);
    long fd = sys_open(temporary, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
    if (fd < 0)
        return refuse(temporary, strerrordesc_np((int)-fd), (int)fd);
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
    return refuse(path, strerrordesc_np((int)-error), (int)error);
    //@ end
}

static int write_with_notes(const struct save_request *request, const char *path, struct arena *arena,
                            const struct region_table *table)
{
    const void *saved[MAX_PARTS] = {NULL};
    struct note_list notes = {.bytes = arena_take(arena, NOTES_ROOM)};
    core_notes_add(&notes, request, table);
    add_header(&notes, table);
    add_regions(&notes, table);
    add_context(&notes, request);
    int error = add_parts(&notes, request, saved);
    if (error == 0)
        error = write_and_rename(arena, table, &notes, path);
    resume_parts(saved);
    return error;
}

static int check_threads(void)
{
    //@ step 2.9 Refuse a program with more than one thread.
    //@ procfile_stat(20) is their number. The other threads' registers are not ours to read, and they go on
    //@ changing memory while we save it. Say so with refuse(), and return -ENOTSUP. Return 0 if all is well.
    //@ stub: return 0;
    if (procfile_stat(20) > 1)
        return refuse("the program has more than one thread", "ckptlab saves single-threaded programs", -ENOTSUP);
    return 0;
    //@ end
}

int checkpoint_take(const struct save_request *request, const char *path)
{
    struct arena arena;
    struct region_table table = {.max = IMAGE_MAX_REGIONS, .names_max = NAMES_ROOM, .full = request->full};
    int error = check_threads();
    if (error != 0)
        return error;
    error = arena_map(&arena);
    if (error != 0)
        return refuse("memory to work in", strerrordesc_np(-error), error);
    table.regions = arena_take(&arena, table.max * sizeof *table.regions);
    table.names = arena_take(&arena, table.names_max);
    error = regions_read(&table, &arena);
    if (error != 0)
        refuse("/proc/self/maps", error == -E2BIG ? "too many regions" : strerrordesc_np(-error), error);
    else
        error = write_with_notes(request, path, &arena, &table);
    arena_unmap(&arena);
    return error;
}
