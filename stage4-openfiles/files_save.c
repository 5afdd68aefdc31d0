/* files_save.c - fills the Open File Table, in the signal handler. */
#include "files_save.h"
#include "fd_sharing.h"

#include <dirent.h>

void *extra_add(struct files_save *save, size_t size, uint64_t *at)
{
    struct open_file_table *table = save->table;
    uint64_t start = round_up(table->extra_size, 8);
    if (start + size > save->extra_room)
        return NULL;
    *at = start;
    table->extra_size = start + size;
    return (char *)(table->files + table->count) + start;
}

long save_data(struct files_save *save, struct open_file *file, const void *bytes, size_t size)
{
    void *to = extra_add(save, size, &file->data);
    if (to == NULL)
        return -E2BIG;
    memcpy(to, bytes, size);
    file->data_size = size;
    return 0;
}

/* Puts the number of each open descriptor into the table.  Returns 0 or -errno. */
static long list_descriptors(struct open_file_table *table, size_t max, bool (*is_own)(int fd))
{
    char entries[512];
    long size, fd = sys_open("/proc/self/fd", O_RDONLY | O_DIRECTORY | O_CLOEXEC, 0);
    if (fd < 0)
        return fd;
    while ((size = sys_call(SYS_getdents64, fd, (long)entries, sizeof entries, 0)) > 0)
        for (long at = 0; at < size; at += ((const struct dirent64 *)(entries + at))->d_reclen) {
            const char *name = ((const struct dirent64 *)(entries + at))->d_name;
            int number = (int)text_parse(&name, 10);
            bool ours = number == fd || (is_own != NULL && is_own(number));
            if (*name == '\0' && !ours && table->count < max) /* "." and ".." are no numbers */
                table->files[table->count++].fd = number;
        }
    sys_close((int)fd);
    return table->count == max ? -E2BIG : size;
}

/* Reads what the kernel shows of a descriptor. */
static long look_at(struct fd_view *view, int fd)
{
    char path[64];
    struct number number = text_number((uint64_t)fd, 10);
    view->fd = fd;
    text_join(path, sizeof path, "/proc/self/fd/", number.digits, NULL);
    long size = sys_readlink(path, view->link, sizeof view->link - 1);
    if (size < 0)
        return size;
    view->link[size] = '\0';
    text_join(path, sizeof path, "/proc/self/fdinfo/", number.digits, NULL);
    size = procfile_read(path, view->info, sizeof view->info);
    return size < 0 ? size : sys_call(SYS_fstat, fd, (long)&view->status, 0, 0);
}

/*
 * The general fields.  The flags that fdinfo shows are those of the open file description, but for
 * O_CLOEXEC, which is the descriptor's own.
 */
static long note_general(struct files_save *save, struct open_file *file)
{
    const struct fd_view *view = save->view;
    const struct stat *st = &view->status;
    uint64_t flags = 0;
    /* TODO 4.1: Note what is known of every descriptor.
     * fdinfo_number(view->info, "flags", 8, &flags) and "pos", base 10: file->offset. O_CLOEXEC in flags goes to
     * close_on_exec and out of flags. From *st: mode, device, inode, rdev, size, mtime_seconds and
     * mtime_nanoseconds. pre_opened: descriptors 0, 1 and 2. real_fd: -1. */
    (void)st, (void)flags;
    uint64_t at;
    size_t size = strlen(view->link) + 1;
    char *path = extra_add(save, size, &at);
    if (path == NULL)
        return -E2BIG;
    memcpy(path, view->link, size);
    file->path = (uint32_t)at;
    return 0;
}

/* The lowest descriptor that shows the same open file description. */
static int owner_of(const struct open_file_table *table, size_t i)
{
    const struct open_file *file = &table->files[i];
    /* TODO 4.2: Find out which descriptors share one open file description.
     * Goal: the number of the lowest descriptor with the i-th entry's description; its own if there is none below
     * it. Ask the kernel only where it is worth it: fd_shares() is a system call, and a program may have thousands
     * of descriptors. Where to read: open_files.h, fd_sharing.h, kcmp(2). */
    return file->fd;
}

static uint32_t kind_of(const struct fd_view *view)
{
    for (uint32_t kind = OPEN_LOST + 1; kind < OPEN_KINDS; kind++)
        if (open_kinds[kind] != NULL && open_kinds[kind]->is(view))
            return kind;
    return OPEN_LOST;
}

/* Says which descriptor it was; why, says checkpoint.c. */
static long refuse(const struct open_file_table *table, const struct open_file *file, long error)
{
    say("libckpt: descriptor ", text_number((uint64_t)file->fd, 10).digits, ", ", open_path(table, file),
        error == -EFBIG ? ", has no name, and more content than the 32 MiB in all that go into an image" :
        ", cannot be saved", NULL);
    return error;
}

static long save_one(struct files_save *save, size_t i)
{
    struct open_file *file = &save->table->files[i];
    long error = look_at(save->view, file->fd);
    if (error == 0)
        error = note_general(save, file);
    if (error != 0)
        return error;
    file->kind = kind_of(save->view);
    if (file->kind >= OPEN_MEMFD)
        file->pre_opened = 0; /* the program closed 0, 1 or 2, and then made it: nobody is born with an epoll */
    file->dup_of = owner_of(save->table, i);
    if (file->dup_of == file->fd && open_kinds[file->kind]->save != NULL)
        error = open_kinds[file->kind]->save(save, file);
    if (error == 0 && file->dup_of == file->fd)
        error = file_locks_save(save, file);
    return error == 0 ? 0 : refuse(save->table, file, error);
}

long files_fill(struct open_file_table *table, size_t room, struct fd_view *view, bool (*is_own)(int fd))
{
    long error = list_descriptors(table, (room - sizeof *table) / sizeof *table->files, is_own);
    struct files_save save = {.table = table, .view = view};
    save.extra_room = room - sizeof *table - table->count * sizeof *table->files;
    table->pid = (uint32_t)sys_getpid();
    for (size_t i = 0; i < table->count && error == 0; i++)
        error = save_one(&save, i);
    if (error != 0)
        return error;
    return (long)(sizeof *table + table->count * sizeof *table->files + table->extra_size);
}
