/*
 * part_files.c - the room of the open files: the Open File Table.
 *
 * A restart opens the files while it plans, when it can still say no, at numbers above all that the
 * program uses (files_plan.c).  Here, in the restorer, each goes to its place:
 *
 *     plan     0 1 2 | image |          | 12 13 14 15 |     open at their real numbers
 *     restore  0 1 2   3 4 5 (=3) 6 7                       dup3() to the program's; then the others are closed
 */
#include "fdtext.h"
#include "files_save.h"
#include "part.h"

#include <limits.h>

/* A file that the program opened itself, as its 0, 1 or 2, is no standard file: it comes back as others do. */
static void note_birth(const struct save_request *request, struct open_file *file)
{
    if (file->pre_opened && file->kind == OPEN_FILE && request->is_standard != NULL)
        file->pre_opened = request->is_standard(file->fd);
}

/* `view` is memory to work in: the end of the room, which no note needs. */
static long save(const struct save_request *request, void *note, size_t room)
{
    char *end = (char *)note + room;
    struct fd_view *view = (struct fd_view *)(end - round_up(sizeof *view, ARCH_PAGE_SIZE));
    long size = files_fill(note, (size_t)((char *)view - (char *)note), view, request->is_own);
    for (uint32_t i = 0; size >= 0 && i < ((struct open_file_table *)note)->count; i++)
        note_birth(request, &((struct open_file_table *)note)->files[i]);
    if (size < 0 || request->table_path[0] == '\0')
        return size;
    long error = fdtext_write(note, request->table_path, view->info, sizeof view->info);
    return error != 0 ? error : size;
}

static void describe(part_printf print, const void *note, size_t size)
{
    const struct open_file_table *table = note;
    const char *why = files_check(table, size);
    char line[4 * PATH_MAX + 256];
    if (why != NULL) {
        print("  broken: %s\n", why);
        return;
    }
    for (const struct open_file *file = table->files; file < table->files + table->count; file++)
        if (fdtext_line(line, sizeof line, table, file) > 0)
            print("  %s", line);
}

/* Puts one descriptor in its place.  A pre-opened one that stays restart's own is there already. */
static long place(const struct open_file *file, int real)
{
    if (real == file->fd)
        return sys_call(SYS_fcntl, real, F_SETFD, file->close_on_exec ? FD_CLOEXEC : 0, 0);
    long fd = sys_call(SYS_dup3, real, file->fd, file->close_on_exec ? O_CLOEXEC : 0, 0);
    return fd < 0 ? fd : 0;
}

static long place_all(const struct open_file_table *table)
{
    long error = 0;
    /* TODO 4.5: Put each descriptor in its place.
     * For each file of the table: place() it, from the real_fd of the entry that owns its open file description
     * (open_entry() finds that of dup_of). Two numbers that are placed from the same one share an offset again:
     * that is all there is to it. A negative real_fd: it was closed before; leave it out. */
    (void)place;
    return error;
}

/* Closes all numbers from the first to the last, but for that of the restorer's own messages. */
static void close_all(unsigned first, unsigned last)
{
    unsigned kept = (unsigned)say_to;
    bool inside = say_to > 2 && first <= kept && kept <= last;
    if (first < (inside ? kept : last + 1))
        sys_call(SYS_close_range, first, inside ? kept - 1 : last, 0, 0);
    if (inside)
        sys_call(SYS_close_range, kept + 1, last, 0, 0);
}

/* Closes all numbers that the program had not open: what restart opened on the way, and what it inherited. */
static void close_others(const struct open_file_table *table)
{
    unsigned next = 0;
    for (const struct open_file *file = table->files; file < table->files + table->count; file++) {
        if (open_entry(table, file->dup_of)->real_fd < 0)
            continue;
        if ((unsigned)file->fd > next)
            close_all(next, (unsigned)file->fd - 1);
        next = (unsigned)file->fd + 1;
    }
    close_all(next, INT_MAX);
}

/* Locks come after the closing: closing any descriptor of a file ends the process's locks on it (fcntl(2)). */
static void finish(const struct open_file_table *table, const struct open_file *file)
{
    if (file->kind == OPEN_TERMINAL)
        kind_terminal_finish(table, file);
    if (file->kind == OPEN_MEMFD)
        kind_memfd_finish(table, file);
    if (file->kind == OPEN_TIMERFD)
        kind_timerfd_finish(table, file);
    if (file->kind == OPEN_EPOLL)
        kind_epoll_finish(table, file);
    if (file->kind != OPEN_LOST && file->real_fd > file->fd) /* else it is restart's own: another file */
        file_locks_finish(table, file);
}

static long restore(const void *note, size_t size)
{
    const struct open_file_table *table = note;
    long error = place_all(table);
    if (error != 0) {
        say("restart: a descriptor cannot be put in its place (limit of open files?)", NULL);
        return error;
    }
    close_others(table);
    for (const struct open_file *file = table->files; file < table->files + table->count; file++)
        if (file->dup_of == file->fd)
            finish(table, file);
    return 0;
}

const struct part files_part = {NOTE_FILES, "files", sizeof(struct open_file_table), save, describe, restore};
