/*
 * files_plan.c - opens the program's files again, before anything is destroyed.
 *
 *     0, 1, 2    stay restart's own: the terminal of today, or what the shell redirected
 *     others     are opened as they were; at numbers from `base` on, which the program does not use
 *
 * Nothing outside changes by that.  Then files_commit.c, and in the restorer part_files.c puts each in its place.
 */
#include "files_plan.h"
#include "fdtext.h"

#include <sys/resource.h>

/* Where we are. */
struct files_work {
    struct open_file_table *table;
    const struct files_options *options;
    int base;     /* files_base() */
    int problems; /* said so far */
};

__attribute__((format(printf, 3, 4))) static void
problem(struct files_work *work, const struct open_file *file, const char *format, ...)
{
    va_list list;
    work->problems++;
    fprintf(stderr, "restart: descriptor %d, %s: ", file->fd, open_path(work->table, file));
    va_start(list, format);
    vfprintf(stderr, format, list);
    va_end(list);
    fputc('\n', stderr);
}

static void raise_limit(void)
{
    struct rlimit limit;
    getrlimit(RLIMIT_NOFILE, &limit);
    limit.rlim_cur = limit.rlim_max;
    setrlimit(RLIMIT_NOFILE, &limit);
}

int descriptor_lift(int fd, int base)
{
    int lifted = fcntl(fd, F_DUPFD_CLOEXEC, base);
    if (lifted < 0)
        err(EX_OSERR, "no free descriptor from %d on (ulimit -n)", base);
    close(fd);
    return lifted;
}

static int lift(const struct files_work *work, int fd)
{
    return descriptor_lift(fd, work->base);
}

/*
 * Does a pre-opened descriptor stay restart's own?  Terminals and pipes of the first life always: what is 0, 1
 * and 2 today, the user of today says.  A file to which it was redirected is opened again if the
 * user of today redirected nothing (it is a terminal) or asks for it.
 */
static bool stays_own(const struct files_work *work, const struct open_file *file)
{
    bool is_file = file->kind == OPEN_FILE;
    /* TODO 4.3: Decide what 0, 1 and 2 are today.
     * Return true if the descriptor is restart's own and stays it: it is pre_opened, and either it was no file, or
     * it is one and neither options->redirect is set nor restart's own (the same number) is a terminal.
     */
    (void)is_file;
    return file->pre_opened;
}

/*
 * 0, 1 and 2 that were one terminal or file may be three things today: each follows restart's own of its number.  A
 * duplicate above them follows 1, as the most likely: `exec 3>&1` in a shell.
 */
static void follow_own(const struct files_work *work, struct open_file *file)
{
    const struct open_file *owner = open_entry(work->table, file->dup_of), *out = open_entry(work->table, 1);
    if (!stays_own(work, owner))
        return;
    if (file->pre_opened) {
        int fd = file->fd;
        *file = *owner;
        file->fd = file->dup_of = fd;
    } else if (out != NULL && (out->dup_of == file->dup_of || out->fd == file->dup_of)) {
        file->dup_of = 1;
    }
}

/*
 * Where restart was started without a 0, 1 or 2, the next file that is opened would have that number, and our
 * messages would go into it.  So there is something that nobody can write to; the restorer closes it.
 */
static void fill_standard(void)
{
    for (int fd = 0; fd < 3; fd++)
        if (fcntl(fd, F_GETFD) < 0 && open("/", O_PATH | O_CLOEXEC) != fd)
            err(EX_OSERR, "/");
}

static bool is_own(int fd)
{
    int flags = fcntl(fd, F_GETFL);
    return flags >= 0 && !(flags & O_PATH);
}

static void keep_own(struct files_work *work, struct open_file *file)
{
    bool open = is_own(file->fd);
    file->real_fd = open ? file->fd : -1;
    if (!open)
        problem(work, file, "restart was started without one, so it is closed");
    else if (file->kind == OPEN_FILE)
        fprintf(stderr, "restart: descriptor %d was %s; it is restart's own now (--redirect opens the file)\n",
                file->fd, open_path(work->table, file));
}

/* Something of another kind lies there, or nothing, or we may not: the user can mend that, so no restart. */
static void refuse(const struct open_file_table *table, const struct open_file *file, long error)
{
    errx(EX_NOINPUT, "descriptor %d, %s: %s. Nothing is lost: bring it back, or tell where it is: readckpt --files "
         "IMAGE >" FDTEXT_DEFAULT "; edit it; restart -f IMAGE", file->fd, open_path(table, file),
         error == -ENODEV ? "it is of another type now" : strerror((int)-error));
}

static bool is_path(const struct open_file *file)
{
    return file->kind == OPEN_FILE || file->kind == OPEN_DIRECTORY || file->kind == OPEN_DEVICE;
}

/* What has gone from there, nobody can bring back. */
static bool is_kernels(const struct open_file_table *table, const struct open_file *file)
{
    return strncmp(open_path(table, file), "/proc/", 6) == 0 || strncmp(open_path(table, file), "/sys/", 5) == 0;
}

static void lose(struct files_work *work, struct open_file *file, const char *why)
{
    problem(work, file, "not brought back: %s", why);
    file->kind = OPEN_LOST;
    file->real_fd = lift(work, (int)kind_lost.open(work->table, file));
}

static void open_one(struct files_work *work, struct open_file *file)
{
    const struct open_kind *kind = open_kinds[file->kind];
    if (file->kind == OPEN_LOST || kind == NULL) {
        lose(work, file, lost_reason(work->table, file));
        return;
    }
    if (file->flags & O_ASYNC)
        problem(work, file, "SIGIO no longer tells of it (fcntl(2), F_SETOWN)");
    long fd = kind->open(work->table, file);
    if (fd < 0 && is_path(file) && !is_kernels(work->table, file))
        refuse(work->table, file, fd);
    if (fd < 0)
        lose(work, file, strerror((int)-fd));
    else
        file->real_fd = lift(work, (int)fd);
}

/* Is the file what it was?  What is different is said. */
static void compare(struct files_work *work, const struct open_file *file)
{
    struct stat now;
    bool written = (file->flags & O_ACCMODE) != O_RDONLY;
    if (file->kind != OPEN_FILE || file->deleted || file->real_fd < work->base || fstat(file->real_fd, &now) != 0 ||
        pseudo_type(file->real_fd) != 0)
        return;
    uint64_t size = (uint64_t)now.st_size;
    bool same_time =
        now.st_mtim.tv_sec == file->mtime_seconds && now.st_mtim.tv_nsec == file->mtime_nanoseconds;
    if (size < file->size)
        problem(work, file, "it is shorter than it was: %lu bytes, then %lu", size, file->size);
    else if (written && size > file->size && !work->options->rollback)
        problem(work, file, "it has grown from %lu to %lu bytes since (--rollback cuts it back)", file->size, size);
    else if (written && size > file->size && files_uncut(file) != NULL)
        problem(work, file, "it has %lu bytes, and had %lu, and is not cut back: %s", size, file->size,
                files_uncut(file));
    else if (size == file->size && !same_time)
        problem(work, file, "it was changed since the checkpoint");
    else if (!written && size > file->size)
        problem(work, file, "it has grown from %lu to %lu bytes since", file->size, size);
}

/* What is lost of a file that comes back: its kind says that, here or in the restorer. */
static void count_losses(struct files_work *work, const struct open_file *file)
{
    if (work->options->strict && file->dup_of == file->fd &&
        ((file->kind == OPEN_EPOLL && kind_epoll_loses(work->table, file)) ||
         (file->kind == OPEN_INOTIFY && kind_inotify_loses(work->table, file))))
        problem(work, file, "not all that it waits for will be there");
}

static struct open_file_table *
copy_table(const struct image *image, const struct files_options *options, size_t *size)
{
    const struct open_file_table *table = image_note(image, IMAGE_NOTE_NAME, NOTE_FILES, sizeof *table, size);
    const char *why = table == NULL ? NULL : files_check(table, *size);
    if (why != NULL)
        errx(EX_DATAERR, "the image's Open File Table: %s", why);
    if (options->text != NULL)
        return files_text(table, options->text, size);
    struct open_file_table *copy = table == NULL ? NULL : malloc(*size);
    if (table != NULL && copy == NULL)
        err(EX_OSERR, "the Open File Table");
    return table == NULL ? NULL : memcpy(copy, table, *size);
}

int files_plan(struct image *image, const struct files_options *options)
{
    size_t size;
    struct files_work work = {.table = copy_table(image, options, &size), .options = options};
    if (work.table == NULL)
        return 0; /* an image of stage 3: it has NOTE_LOST */
    struct open_file *files = work.table->files, *end = files + work.table->count;
    for (struct open_file *file = files; file < end; file++)
        file->real_fd = -1; /* in an image it may say anything */
    raise_limit();
    work.base = files_base(work.table);
    image->fd = lift(&work, image->fd);
    fill_standard();
    for (struct open_file *file = end; file-- > files;) /* the highest first: it asks what 1 was a duplicate of */
        if (file->dup_of != file->fd)
            follow_own(&work, file);
    for (struct open_file *file = files; file < end; file++)
        if (file->dup_of != file->fd)
            continue;
        else if (stays_own(&work, file))
            keep_own(&work, file);
        else
            open_one(&work, file);
    for (struct open_file *file = files; file < end; file++) {
        compare(&work, file);
        count_losses(&work, file);
    }
    image_put_note(image, NOTE_FILES, work.table, size);
    return work.problems;
}

/* Closing any descriptor of a file ends the process's locks on it: fcntl(2). */
static bool is_locked(const struct open_file_table *table, int fd)
{
    struct stat now;
    if (fstat(fd, &now) != 0)
        return false;
    for (const struct open_file *file = table->files; file < table->files + table->count; file++)
        if (file->lock_count > 0 && file->inode == now.st_ino && file->device == now.st_dev)
            return true;
    return false;
}

int stderr_keep(const struct image *image)
{
    const struct open_file_table *table = image_note(image, IMAGE_NOTE_NAME, NOTE_FILES, sizeof *table, NULL);
    const struct open_file *entry = table == NULL ? NULL : open_entry(table, 2);
    if (table == NULL || (entry != NULL && open_entry(table, entry->dup_of)->real_fd == 2))
        return 0;
    if (!is_own(2) || is_locked(table, 2))
        return -1;
    int kept = fcntl(2, F_DUPFD_CLOEXEC, files_base(table));
    return kept < 0 ? -1 : kept;
}
