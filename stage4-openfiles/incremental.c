/*
 * incremental.c - ckpt --incremental, in the handler of the checkpoint signal: incremental.h.  Async-signal-safe
 * but for incremental_start().  Given.
 *
 * Whatever is in the way, everything is let go, the image is written as without the option, and -v says why.
 */
#include "evict.h"
#include "incremental.h"
#include "libc.h"
#include "library.h"
#include "open_kind.h"
#include "part.h"
#include "write_tracking.h"

#define TRACKER_FROM 1001 /* a descriptor that the program hardly meets */
#define TRACKER_LINK "anon_inode:[userfaultfd]"

static bool wanted, verbose;
static uint64_t keep;          /* so many images: ckpt --keep */
static struct arena *current;  /* with all that is behind it; or NULL */
static uint64_t birth;         /* of current: a time */
static long owner;             /* the process that it belongs to: its children do not have it */
static int tracker = -1;       /* a descriptor in the program, in no Open File Table */
static char tracker_look[64];  /* of it, in /proc/self/fdinfo */
static bool lending;           /* checkpoint.c gets current for its arena */
static uint64_t head_wish;     /* incremental.h, of one that was let go */
static const char *failed;     /* the image could not be written so; NULL: it could */

void incremental_start(void)
{
    const char *number = environment("CKPT_KEEP", "0");
    wanted = strcmp(environment("CKPT_INCREMENTAL", "0"), "0") != 0;
    verbose = strcmp(environment("CKPT_VERBOSE", "0"), "0") != 0;
    keep = text_parse(&number, 10);
}

bool incremental_is_wanted(void)
{
    return wanted;
}

/* This process has neither the memory nor the descriptor. */
void incremental_new_life(void)
{
    current = NULL;
    tracker = -1;
    lending = false;
}

/* Is it a userfaultfd?  `look`: the line of its fdinfo that tells one from another. */
static bool look_of(int fd, char *look, size_t size)
{
    char path[64], info[1024];
    struct number number = text_number((uint64_t)fd, 10);
    text_join(path, sizeof path, "/proc/self/fd/", number.digits, NULL);
    long length = sys_readlink(path, info, sizeof info - 1);
    info[length > 0 ? length : 0] = '\0';
    if (strcmp(info, TRACKER_LINK) != 0)
        return false;
    text_join(path, sizeof path, "/proc/self/fdinfo/", number.digits, NULL);
    const char *line = procfile_read(path, info, sizeof info) > 0 ? fdinfo_find(info, "API:") : NULL;
    text_join(look, size, line != NULL ? line : "", NULL);
    return true;
}

/* It may have been closed (closefrom(3)), and its number be another file's now. */
static bool is_tracker(int fd)
{
    char look[sizeof tracker_look];
    return fd == tracker && fd >= 0 && look_of(fd, look, sizeof look) && strcmp(look, tracker_look) == 0;
}

bool library_owns(int fd)
{
    return is_tracker(fd) || (library_remote_owns != NULL && library_remote_owns(fd));
}

static void close_tracker(void)
{
    if (is_tracker(tracker))
        sys_close(tracker);
    tracker = -1;
}

/* 0 or -errno. */
static long open_tracker(void)
{
    if (is_tracker(tracker))
        return 0;
    tracker = -1;
    long error = tracking_possible();
    long low = error != 0 ? error : tracking_open();
    if (low < 0)
        return low;
    long fd = sys_call(SYS_fcntl, low, F_DUPFD_CLOEXEC, TRACKER_FROM, 0);
    sys_close((int)low);
    if (fd < 0)
        return fd == -EINVAL ? -EMFILE : fd; /* ulimit -n is that low */
    tracker = (int)fd;
    return look_of(tracker, tracker_look, sizeof tracker_look) ? 0 : -EBADF;
}

/* No file is known any more, and no memory; and the memory to work in must not be in the image. */
void incremental_let_go(void)
{
    close_tracker();
    if (current == NULL)
        return;
    head_wish = incremental_of(current)->head_wish;
    incremental_drop_spare(incremental_of(current));
    sys_munmap((uint64_t)current, INCREMENTAL_SIZE);
    current = NULL;
}

bool incremental_is_here(void)
{
    return current != NULL && live_is_there(current, INCREMENTAL_SIZE, birth);
}

/* The tracker may be that of a parent's memory. */
static void forget(void)
{
    close_tracker();
    incremental_new_life();
}

/*
 * If it has set a filter of system calls, it may be killed for ours.  A second life that began while we are at it
 * would not have the memory that we look at.
 */
__attribute__((destructor)) void incremental_end(void)
{
    uint64_t all = ~0UL, before = 0;
    if (current == NULL || owner != sys_getpid() || !live_is_free_at_end())
        return;
    sys_call(SYS_rt_sigprocmask, SIG_BLOCK, (long)&all, (long)&before, sizeof all);
    if (incremental_is_here())
        incremental_drop_spare(incremental_of(current));
    sys_call(SYS_rt_sigprocmask, SIG_SETMASK, (long)&before, 0, sizeof before);
}

/* What has memory written to without the kernel's noting it, or has its own mind about who notes. */
static const char *other_writer(int fd)
{
    char path[64], link[64];
    text_join(path, sizeof path, "/proc/self/fd/", text_number((uint64_t)fd, 10).digits, NULL);
    long length = sys_readlink(path, link, sizeof link - 1);
    link[length > 0 ? length : 0] = '\0';
    if (strcmp(link, "anon_inode:[io_uring]") == 0)
        return "it has an io_uring(7), which writes to memory by itself";
    return strcmp(link, TRACKER_LINK) == 0 && !is_tracker(fd) ? "it has a userfaultfd(2) of its own" : NULL;
}

static bool is_other_writer(const char *folder, const char *name, void *why)
{
    *(const char **)why = *name >= '0' && *name <= '9' ? other_writer((int)text_parse(&name, 10)) : NULL;
    return *(const char **)why != NULL;
}

static const char *find_other_writer(void)
{
    const char *why = NULL;
    return fdinfo_any("/proc/self/fd", is_other_writer, &why) < 0 ? "/proc/self/fd cannot be read" : why;
}

/* A page that is mapped now tells whether all that is mapped in the future is locked, too (mlockall(2)). */
static bool is_locked(void)
{
    long page = arena_map(ARCH_PAGE_SIZE);
    bool locked = live_status_number("VmLck") != 0;
    if (!sys_failed(page))
        sys_munmap((uint64_t)page, ARCH_PAGE_SIZE);
    return locked;
}

static const char *why_not_tracked(long error)
{
    static char why[128];
    if (error == -EMFILE)
        return "writes are not tracked: there is no descriptor from 1001 on (ulimit -n)";
    text_join(why, sizeof why, "writes are not tracked here (", strerrordesc_np((int)-error),
              "; userfaultfd(2), Linux 6.7)", NULL);
    return why;
}

/* NULL, or why everything is written. */
static const char *obstacle(void)
{
    if (library_remote_image != NULL && library_remote_image())
        return "its image goes to another machine";
    if (evict_is_asked())
        return "it is the last one (--evict)";
    if (live_has_new_filter())
        return "the program has set a filter of system calls (seccomp(2)), and may be killed for ours";
    if (is_locked())
        return "the program has locked memory (mlock(2))";
    long error = open_tracker();
    if (error != 0)
        return why_not_tracked(error);
    return find_other_writer();
}

/* The memory to work in is there, for this checkpoint. */
static bool prepare(const char *path)
{
    long start = current != NULL ? (long)current : arena_map(INCREMENTAL_SIZE);
    if (sys_failed(start))
        return false;
    sys_call(SYS_madvise, start, INCREMENTAL_SIZE, MADV_DONTFORK, 0);
    sys_call(SYS_madvise, start, INCREMENTAL_SIZE, MADV_DONTDUMP, 0);
    current = (struct arena *)start; // NOLINT: an address becomes a pointer here
    owner = sys_getpid();
    live_set_up(current, path);
    current->live->tracker = tracker;
    struct incremental *inc = current->live->incremental = incremental_of(current);
    birth = current->live->birth;
    inc->head_wish = inc->now++ == 0 ? head_wish : inc->head_wish;
    inc->anew = failed = NULL;
    inc->meanwhile = false;
    inc->files_wanted = keep < FILES_MOST ? keep + 1 : FILES_MOST;
    return true;
}

static void say_pages(void)
{
    const struct incremental *inc = incremental_of(current);
    const struct live *live = live_of(current);
    say("libckpt: --incremental: ", text_number(live->pages + live->last_pages, 10).digits, " of ",
        text_number(inc->pages, 10).digits, " pages were written", inc->anew != NULL ? ", to a new file: " : NULL,
        inc->anew, inc->cloned ? ", and it shares the last one's bytes" : NULL, NULL);
}

static void begin_in_full(const char *why)
{
    incremental_let_go();
    if (verbose)
        say("libckpt: --incremental: everything is written: ", why, NULL);
}

struct arena *incremental_lend(const char *path)
{
    if (current != NULL && !incremental_is_here())
        forget();
    if (current != NULL && owner != sys_getpid())
        return NULL; /* it shares its parent's memory: vfork(2) */
    const char *why = obstacle();
    if (why == NULL && !prepare(path))
        why = "there is no memory to work in";
    if (why != NULL)
        begin_in_full(why);
    return current;
}

void incremental_rest(void)
{
    long size = sizeof(struct arena) / ARCH_PAGE_SIZE * ARCH_PAGE_SIZE;
    if (current != NULL)
        sys_call(SYS_madvise, (long)current, size, MADV_REMOVE, 0);
}

int incremental_end_of(int (*write_image)(void), int error)
{
    if (failed != NULL) {
        begin_in_full(failed);
        return write_image();
    }
    if (error == 0 && verbose && current != NULL)
        say_pages();
    incremental_rest();
    return error;
}

int incremental_checkpoint(int (*write_image)(void), const char *path)
{
    if (incremental_lend(path) == NULL)
        return write_image();
    lending = true;
    int error = write_image();
    lending = false;
    return incremental_end_of(write_image, error);
}

bool incremental_takes(const char *name)
{
    struct stat st;
    if (current == NULL || owner != sys_getpid() ||
        sys_call(SYS_newfstatat, AT_FDCWD, (long)name, (long)&st, AT_SYMLINK_NOFOLLOW) != 0)
        return false;
    struct incremental *inc = incremental_of(current);
    for (size_t i = 0; i < inc->file_count; i++)
        if (incremental_is_file(&inc->files[i], &st))
            return incremental_keep_spare(inc, name, &inc->files[i]);
    return false;
}

/* For live.c. */

uint64_t incremental_arena(void)
{
    return lending ? (uint64_t)current : 0;
}

static bool tracks(uint64_t start)
{
    return true; /* if a region is tracked, then by us: else we would not be here */
}

const struct live_view *incremental_view(void)
{
    static struct live_view view = {.tracks = tracks};
    if (!lending)
        return NULL;
    const struct incremental *inc = incremental_of(current);
    view.held = inc->looked && inc->held.count <= KNOWN_MOST ? &inc->held : NULL;
    return &view;
}

void incremental_place(struct arena *arena)
{
    if (arena->live->child != 0) /* the program went on since it was asked */
        failed = find_other_writer();
    if (failed == NULL && !incremental_plan(arena))
        failed = "there are too many regions, or a queue of aio(7), which writes to memory by itself";
}

int incremental_failed(int error)
{
    if (error != 0 && failed == NULL)
        failed = error == -E2BIG ? "its notes need more room in the files" : strerrordesc_np(-error);
    return error;
}

bool incremental_is_possible(void)
{
    return failed == NULL;
}

int incremental_save(struct arena *arena)
{
    int error = failed != NULL ? -E2BIG : incremental_open(arena);
    arena->live->image = error;
    if (error >= 0) {
        error = incremental_write(arena, tracker);
        int closed = error == 0 ? incremental_close(arena) : (int)sys_close(arena->live->image);
        error = error != 0 ? error : closed;
        if (error != 0)
            sys_unlink(arena->temporary);
    }
    return incremental_failed(error);
}
