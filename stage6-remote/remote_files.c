/*
 * remote_files.c - a remote job's descriptors.
 *
 *     at home      0 1 2 | 3 data.txt | 4 pipe | ...        in the image, the Open File Table
 *     here         e e e | e          | 4 pipe | ... | 1024 connection | 1025 next image | 1026
 *
 * 1026 is a signalfd(2).  e is a placeholder, an eventfd.  The last three lie above the program's own limit of open
 * files, which is lowered to that if need be: there it gets no number (getrlimit(2)), so it never meets them.
 */
#include "remote_files.h"
#include "image_process.h"

#include <sys/eventfd.h>
#include <sys/signalfd.h>

#define OWN          3           /* descriptors of struct remote_life */
#define COUNTER_SIZE 16          /* bytes: an eventfd's data, kind_event.c; zeros are a counter at 0 */
#define HIGHEST      (1UL << 16) /* a larger number costs the kernel memory: 8 bytes for each below it */

static struct open_file_table *table_of(const struct image *image, size_t *size)
{
    return (struct open_file_table *)image_note(image, IMAGE_NOTE_NAME, NOTE_FILES, sizeof(struct open_file_table),
                                                size);
}

/* A copy with room for more entries, and more zeroed bytes behind extra.  *at: where these are, in extra. */
static struct open_file_table *
larger_table(const struct open_file_table *table, uint32_t entries, size_t bytes, uint64_t *at, size_t *size)
{
    *at = (table->extra_size + 7) & ~7UL;
    *size = sizeof *table + (table->count + entries) * sizeof *table->files + *at + bytes;
    struct open_file_table *copy = calloc(1, *size);
    if (copy == NULL)
        err(EX_OSERR, "the Open File Table");
    memcpy(copy, table, sizeof *table + table->count * sizeof *table->files);
    copy->count += entries;
    copy->extra_size = *at + bytes;
    memcpy((char *)open_extra(copy), open_extra(table), table->extra_size);
    return copy;
}

/* Is it open at the shadow?  Then it is nothing to speak of. */
static bool is_home(const struct image *image, const struct open_file *file)
{
    size_t size = 0;
    const struct image_remote *note = image_note(image, IMAGE_NOTE_NAME, NOTE_REMOTE, sizeof *note, &size);
    bool home = file->pre_opened || file->remote;
    for (uint32_t i = 0; i < image_remote_count(note, size); i++)
        home |= note->files[i].fd == file->fd;
    return home;
}

/* What the kernel alone has, and any kernel can make. */
static bool is_made_here(const struct open_file *file)
{
    return file->kind == OPEN_PIPE || file->kind == OPEN_MEMFD || file->kind == OPEN_EVENTFD ||
           file->kind == OPEN_TIMERFD || file->kind == OPEN_SIGNALFD || file->kind == OPEN_EPOLL;
}

static void make_placeholder(struct open_file *file, uint64_t counter)
{
    file->kind = OPEN_EVENTFD;
    file->dup_of = file->fd;
    file->flags = O_RDWR;
    file->pre_opened = file->deleted = 0;
    file->lock_count = file->offset = 0;
    file->data = counter;
    file->data_size = COUNTER_SIZE;
}

void remote_files_empty(struct image *image)
{
    size_t size;
    uint64_t counter;
    const struct open_file_table *table = table_of(image, &size);
    if (table == NULL || files_check(table, size) != NULL)
        errx(EX_DATAERR, "--remote: the image's Open File Table is broken, or there is none");
    struct open_file_table *changed = larger_table(table, 0, COUNTER_SIZE, &counter, &size);
    for (uint32_t i = 0; i < table->count; i++) {
        const struct open_file *file = &table->files[i], *owner = open_entry(table, file->dup_of);
        bool home = is_home(image, file) || is_home(image, owner);
        if (home)
            make_placeholder(&changed->files[i], counter);
        else if (!is_made_here(file))
            changed->files[i].kind = OPEN_LOST; /* files_plan() says so */
    }
    image_put_note(image, NOTE_FILES, changed, size);
}

/* The program's limit of open files; remote_plan.c has put a copy of it there.  NULL: the image does not say. */
static struct rlimit *program_limit(const struct image *image)
{
    const struct image_process *p = image_note(image, IMAGE_NOTE_NAME, NOTE_PROCESS, sizeof *p, NULL);
    return p == NULL ? NULL : (struct rlimit *)&p->limits[RLIMIT_NOFILE];
}

/* The lowest number that the program cannot get: its limit, if ours lets us go there. */
static int out_of_reach(const struct open_file_table *table, const struct rlimit *limit)
{
    struct rlimit own;
    getrlimit(RLIMIT_NOFILE, &own); /* files_plan() has raised it as far as it goes */
    uint64_t number = limit != NULL && limit->rlim_cur < HIGHEST ? limit->rlim_cur : HIGHEST;
    number = number + OWN <= own.rlim_cur ? number : own.rlim_cur - OWN;
    return (int)number > files_base(table) ? (int)number : files_base(table);
}

/*
 * What is lost holds its number by a directory, from which the program would open this machine's files.  So it
 * becomes something from which nothing can be opened.
 */
static void close_directories(const struct open_file_table *table)
{
    char link[64];
    int nothing = eventfd(0, EFD_CLOEXEC);
    snprintf(link, sizeof link, "/proc/self/fd/%d", nothing);
    for (const struct open_file *file = table->files; file < table->files + table->count; file++)
        if (file->kind == OPEN_LOST && file->real_fd >= 0 &&
            fd_replace(open(link, O_PATH | O_CLOEXEC), file->real_fd) != 0)
            err(EX_OSERR, "--remote: descriptor %d", file->fd);
    close(nothing);
}

/* To the restorer it is a file in its place already. */
static void add_entry(struct open_file_table *table, uint32_t at, int fd, uint64_t path)
{
    table->files[at] = (struct open_file){.fd = fd, .dup_of = fd, .real_fd = fd, .kind = OPEN_LOST,
                                          .close_on_exec = 1, .path = (uint32_t)path};
}

struct remote_life remote_files_keep(struct image *image, int connection, int next_image)
{
    size_t size;
    uint64_t no_path;
    sigset_t none;
    sigemptyset(&none);
    const struct open_file_table *table = table_of(image, &size);
    struct rlimit *limit = program_limit(image);
    close_directories(table);
    struct remote_life now = {.connection = descriptor_lift(connection, out_of_reach(table, limit))};
    now.image = descriptor_lift(next_image, now.connection + 1);
    now.signals = descriptor_lift(signalfd(-1, &none, SFD_CLOEXEC), now.image + 1);
    struct open_file_table *changed = larger_table(table, OWN, 1, &no_path, &size);
    add_entry(changed, table->count, now.connection, no_path);
    add_entry(changed, table->count + 1, now.image, no_path);
    add_entry(changed, table->count + 2, now.signals, no_path);
    image_put_note(image, NOTE_FILES, changed, size);
    if (limit != NULL && limit->rlim_cur > (rlim_t)now.connection)
        limit->rlim_cur = (rlim_t)now.connection;
    return now;
}
