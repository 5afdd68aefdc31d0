/*
 * checkpoint.c - one checkpoint, in this order:
 *
 *     1. refuse a program with threads
 *     2. map an arena to work in              (its region is left out of the image)
 *     3. list the regions                     (refuse shared memory)
 *     4. let each part write its note
 *     5. write IMAGE.tmp.PID, rename it to IMAGE
 *     6. unmap the arena
 */
#include "checkpoint.h"
#include "core_notes.h"
#include "image_write.h"
#include "regions.h"

/* Says what went wrong, and that the program lives; returns the error. */
static int refuse(const char *what, const char *why, int error)
{
    say("libckpt: no checkpoint; the program goes on: ", what, ": ", why, NULL);
    return error;
}

/* The notes that every image of ours has. */
static void add_notes(struct note_list *notes, const struct save_request *request, const struct region_table *t)
{
    struct image_header *header = note_begin(notes);
    *header = (struct image_header){.version = IMAGE_VERSION, .page_size = ARCH_PAGE_SIZE,
                                    .region_count = (uint32_t)t->count, .pid = (uint32_t)sys_getpid()};
    notes->checksum = &header->checksum;
    note_end(notes, IMAGE_NOTE_NAME, NOTE_HEADER, sizeof *header);

    size_t size = t->count * sizeof *t->regions;
    char *regions = note_begin(notes);
    memcpy(regions, t->regions, size);
    memcpy(regions + size, t->names, t->names_size);
    note_end(notes, IMAGE_NOTE_NAME, NOTE_REGIONS, size + t->names_size);

    struct image_context *context = note_begin(notes);
    *context = (struct image_context){
        .ucontext = (uint64_t)request->context, .setcontext = request->setcontext,
        .second_life = (uint64_t)request->second_life, .copy = *request->context};
    note_end(notes, IMAGE_NOTE_NAME, NOTE_CONTEXT, sizeof *context);
}

static int add_parts(struct note_list *notes, const struct save_request *request)
{
    for (size_t i = 0; all_parts[i] != NULL; i++) {
        long size = all_parts[i]->save(request, note_begin(notes), HEAD_ROOM - notes->size - PART_ROOM);
        if (size < 0)
            return refuse(all_parts[i]->name, strerrordesc_np((int)-size), (int)size);
        if (size > 0)
            note_end(notes, IMAGE_NOTE_NAME, all_parts[i]->type, (size_t)size);
        times_end(request->times, all_parts[i]->name);
    }
    return 0;
}

/* PATH.tmp.PID: in the same directory, so that rename(2) is one step. */
static const char *temporary_name(struct arena *arena, const char *path)
{
    struct number pid = text_number((uint64_t)sys_getpid(), 10);
    text_join(arena->temporary, sizeof arena->temporary, path, ".tmp.", pid.digits, NULL);
    return arena->temporary;
}

static int write_and_rename(struct arena *arena, const char *path)
{
    const char *temporary = temporary_name(arena, path);
    //@ step 2.3 Write the image under the temporary name, then rename it to `path`.
    //@ sys_open() `temporary` (O_CREAT, O_TRUNC; mode 0600, since it holds all the program's secrets),
    //@ image_write(), sys_close(), and sys_rename(). If anything fails, sys_unlink() the
    //@ temporary file, say why with refuse(), and return the error; on -EFBIG also forget_sigxfsz().
    //@ You may open `path` itself first, to see something soon; but think of what a full disk then does to
    //@ yesterday's image.
    //@ stub: (void)forget_sigxfsz, (void)temporary;
    //@ stub: return refuse(path, "step 2.3 is not yet written", -ENOSYS);
    long fd = sys_open(temporary, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
    if (fd < 0)
        return refuse(temporary, strerrordesc_np((int)-fd), (int)fd);
    long error = image_write((int)fd, arena);
    long closed = sys_close((int)fd); /* NFS tells of a full disk here */
    if (error == 0)
        error = closed;
    if (error == 0)
        error = sys_rename(temporary, path);
    if (error == 0)
        return 0;
    if (error == -EFBIG)
        forget_sigxfsz();
    sys_unlink(temporary);
    return refuse(path, strerrordesc_np((int)-error), (int)error);
    //@ end
}

/* To another machine: there they will see when it is whole. */
static int send(struct arena *arena)
{
    int error = image_write(IMAGE_ELSEWHERE, arena);
    return error == 0 ? 0 : refuse("the way to the other machine", strerrordesc_np(-error), error);
}

static int save_all(const struct save_request *request, const char *path, struct arena *arena)
{
    struct note_list *notes = &arena->notes;
    int error = regions_read(arena, request->full);
    if (error != 0)
        return refuse("/proc/self/maps", error == -E2BIG ? "too many regions" : strerrordesc_np(-error), error);
    arena_plan(arena);
    times_end(request->times, "regions");
    notes_start(notes, arena->table.count);
    core_notes_add(notes, request, &arena->table);
    add_notes(notes, request, &arena->table);
    error = add_parts(notes, request);
    if (error == 0 && request->elsewhere)
        return send(arena);
    if (error != 0)
        return error;
    return arena->live != NULL ? library_live_write(arena) : write_and_rename(arena, path);
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

/* If a program changes its user id, or asks for it (prctl(2), PR_SET_DUMPABLE), its files in /proc are root's. */
static int check_readable(void)
{
    long fd = sys_open("/proc/self/auxv", O_RDONLY | O_CLOEXEC, 0);
    if (fd == -EACCES && sys_call(SYS_prctl, PR_GET_DUMPABLE, 0, 0, 0) != 1)
        return refuse("the program is not dumpable (it changed its user id, or called prctl(PR_SET_DUMPABLE))",
                      "so it may not read its own /proc/self", -EACCES);
    if (fd >= 0)
        sys_close((int)fd);
    return 0;
}

int checkpoint_take(const struct save_request *request, const char *path)
{
    int error = check_threads();
    if (error == 0)
        error = check_readable();
    if (error != 0)
        return error;
    long start = arena_get();
    if (sys_failed(start))
        return refuse("memory to work in", strerrordesc_np((int)-start), (int)start);
    struct arena *arena = (struct arena *)start; // NOLINT: an address becomes a pointer here
    arena->start = (uint64_t)start;
    times_end(request->times, "checks");
    bool lent = arena->live != NULL;
    error = save_all(request, path, arena);
    times_end(request->times, "write, and rename");
    if (!lent)
        sys_munmap((uint64_t)start, sizeof *arena);
    return error;
}
