/*
 * live.c - ckpt --live, in the handler of the checkpoint signal: live.h.  Async-signal-safe but for live_start().
 * Given.
 */
#include "evict.h"
#include "incremental.h"
#include "libc.h"
#include "library.h"
#include "live.h"
#include "open_kind.h"
#include "part.h"
#include "times.h"
#include "write_tracking.h"

#include <sched.h>
#include <sys/wait.h>

static bool wanted, wants_fork, verbose;
static int our_signal;
static struct arena *current; /* a child is at work in it, or has ended and was not waited for; or NULL */
static uint64_t birth;        /* of current, if it is not incremental.c's: a time */
static long owner;            /* the process that current belongs to: its children do not have it */
static bool named;            /* the last checkpoint's child gives the image the name that the program gave it */
static bool buried;           /* no child is left of the program that this process was before */
static bool lending;          /* checkpoint.c gets current for its arena */
static bool lent;             /* current, or the last one, is incremental.c's, and stays mapped */

void live_start(int signal)
{
    const char *wish = environment("CKPT_LIVE", "0");
    wanted = strcmp(wish, "0") != 0;
    wants_fork = strcmp(wish, "track") != 0;
    verbose = strcmp(environment("CKPT_VERBOSE", "0"), "0") != 0;
    our_signal = signal;
    live_note_filters();
}

static bool is_here(void)
{
    return lent ? incremental_is_here() : live_is_there(current, LIVE_SIZE, birth);
}

void live_new_life(void)
{
    buried = false;
    current = NULL;
    lending = lent = false;
}

bool live_has_name(void)
{
    return named;
}

static void drop_arena(void)
{
    if (lent)
        incremental_rest();
    else
        sys_munmap((uint64_t)current, LIVE_SIZE);
    current = NULL;
}

/*
 * Waits for the end of the child, and unmaps what both worked in.  A copy that is not whole yet is given up.
 * False: the child was killed before the image had its name.
 */
static bool finish(void)
{
    struct live *live = live_of(current);
    if (!live->forks && !live_change_state(live, LIVE_COPYING, LIVE_GIVE_UP))
        live_change_state(live, LIVE_READY, LIVE_GIVE_UP);
    sys_call(SYS_wait4, live->child, 0, __WCLONE, 0);
    bool killed = live_state(live) < LIVE_WHOLE || (live->forks && live_state(live) != LIVE_OVER);
    bool named_by_it = !killed || live_is_named(live);
    if (killed)
        sys_unlink(current->temporary); /* or the older one, which had changed places with it */
    if (!named_by_it) {
        say("libckpt: no checkpoint: the process that wrote it (ckpt --live) was killed; the program goes on",
            NULL);
    } else if (live->error != 0 && live->error != -ECANCELED && !live->said && !lent) {
        live_say_failure(live, live->error);
    }
    drop_arena();
    if (killed && lent)
        incremental_let_go(); /* who knows what it was about to note */
    return named_by_it;
}

/* The first of the pids in `at` that is a child of ours; 0.  It moves `at` behind it. */
static long next_of_ours(const char **at)
{
    char path[64], name[32];
    while (**at >= '0' && **at <= '9') {
        uint64_t pid = text_parse(at, 10);
        *at += **at == ' ';
        text_join(path, sizeof path, "/proc/", text_number(pid, 10).digits, "/comm", NULL);
        if (procfile_read(path, name, sizeof name) > 0 && strcmp(name, LIVE_NAME "\n") == 0)
            return (long)pid;
    }
    return 0;
}

/*
 * One that was at work when this process became another program (execve(2)).  That may be a moment ago: it sees
 * that its program is gone, and ends, or it is a copy and writes its image; either is waited for.
 */
static void bury_earlier(void)
{
    char children[4096];
    const char *at = children;
    if (children_read(children, sizeof children) < 0)
        return; /* a kernel that does not tell */
    for (long child = next_of_ours(&at); child != 0; child = next_of_ours(&at))
        sys_call(SYS_wait4, child, 0, __WCLONE, 0);
    buried = true;
}

static int in_place(int (*write_image)(void), const char *path, const char *why)
{
    if (why != NULL)
        say("libckpt: --live: the program stands still for this checkpoint: ", why, NULL);
    return incremental_is_wanted() ? incremental_checkpoint(write_image, path) : write_image();
}

void live_set_up(struct arena *arena, const char *path)
{
    struct live *live = arena->live = live_of(arena);
    struct number pid = text_number((uint64_t)sys_getpid(), 10);
    arena->start = (uint64_t)arena;
    live->birth = times_clock(CLOCK_MONOTONIC);
    live->state = LIVE_COPYING;
    live->signal = our_signal;
    live->error = 0;
    live->program = sys_getpid();
    live->child = 0;
    live->said = live->forks = live->direct = false;
    live->device = live->inode = 0;
    live->tracker = live->image = -1;
    live->rounds = live->pages = live->last_pages = 0;
    text_join(live->path, sizeof live->path, path, NULL);
    text_join(arena->temporary, sizeof arena->temporary, path, ".tmp.", pid.digits, NULL);
}

/* What both work in.  Children of the program do not get it, since it is in no image. */
static bool map_arena(const char *path, bool forks)
{
    current = incremental_is_wanted() ? incremental_lend(path) : NULL;
    owner = sys_getpid();
    lent = current != NULL;
    if (lent)
        return true;
    long start = arena_map(LIVE_SIZE);
    if (sys_failed(start))
        return false;
    if (!forks) /* else it is for our own child, too */
        sys_call(SYS_madvise, start, (long)LIVE_SIZE, MADV_DONTFORK, 0);
    current = (struct arena *)start; // NOLINT: an address becomes a pointer here
    live_set_up(current, path);
    birth = live_of(current)->birth;
    live_of(current)->forks = forks;
    return true;
}

static int begin_fork(int (*write_image)(void), const char *path)
{
    lending = true;
    int error = write_image();
    lending = false;
    named = error == -EINPROGRESS;
    if (named) {
        sys_call(SYS_madvise, (long)current, (long)LIVE_SIZE, MADV_DONTFORK, 0);
        return error;
    }
    drop_arena();
    return error == -EAGAIN || error == -ENOMEM ? in_place(write_image, path, "fork(2) is refused") : error;
}

static int begin(int (*write_image)(void), const char *path)
{
    const char *why = live_obstacle();
    if (why != NULL)
        return in_place(write_image, path, verbose ? why : NULL);
    long tracking = wants_fork ? 0 : tracking_possible();
    if (tracking != 0 && verbose)
        say("libckpt: --live: writes are not tracked here (", strerrordesc_np((int)-tracking),
            "; userfaultfd(2), Linux 6.7): a child of fork(2) writes the image", NULL);
    if (!map_arena(path, wants_fork || tracking != 0))
        return in_place(write_image, path, "there is no memory to work in");
    struct live *live = live_of(current);
    if (live->forks)
        return begin_fork(write_image, path);
    int flags = CLONE_VM | CLONE_FILES | CLONE_UNTRACED; /* and no signal at its end */
    char name[LIVE_NAME_ROOM];
    live_lend_name(name);
    live->child = arch_clone_on(flags, live->stack + LIVE_STACK, live_copy, current);
    live_own_name(name);
    if (live->child > 0)
        return -EINPROGRESS;
    why = strerrordesc_np((int)-live->child);
    drop_arena();
    return in_place(write_image, path, why);
}

/* The child has all but the last changes. */
static int last_stop(int (*write_image)(void), const char *path)
{
    struct live *live = live_of(current);
    text_join(live->path, sizeof live->path, path, NULL);
    lending = true;
    int error = write_image();
    lending = false;
    if (error == 0 && verbose && current != NULL)
        say("libckpt: --live: ", text_number(live->pages, 10).digits, " pages were copied in ",
            text_number(live->rounds, 10).digits, " rounds, ", text_number(live->last_pages, 10).digits,
            " once more while the program stood still", NULL);
    bool refused = current != NULL && live_state(live) == LIVE_READY; /* before it came to that */
    if (refused || (current != NULL && lent && error != 0))
        finish();
    return lent ? incremental_end_of(write_image, error) : error;
}

/*
 * A signal comes while a child is at work.  True: its image will be of a moment that is still to come; or it sends
 * the signal once more when it has done its work.
 */
static bool is_under_way(struct live *live)
{
    if (!live_child_is_there(live))
        return false;
    if (live_state(live) == LIVE_COPYING && (!live->forks || live_change_state(live, LIVE_COPYING, LIVE_AGAIN)))
        return true;
    return live_change_state(live, LIVE_WHOLE, LIVE_AGAIN) || live_state(live) == LIVE_AGAIN;
}

int live_checkpoint(int (*write_image)(void), const char *path, bool at_once)
{
    if (current != NULL && !is_here())
        live_new_life();
    if (current != NULL && owner != sys_getpid())
        return write_image(); /* it shares its parent's memory: vfork(2) */
    bool now = !wanted || at_once || evict_is_asked();
    named = false;
    if (current != NULL) {
        struct live *live = live_of(current);
        if (!live->forks && live_state(live) == LIVE_READY && live_obstacle() == NULL && live_child_is_there(live))
            return last_stop(write_image, path);
        if (!now && is_under_way(live))
            return -EINPROGRESS;
        int error = live_state(live) == LIVE_OVER && !live->said ? live->error : 0;
        finish();
        if (error != 0 && error != -ECANCELED && !now) /* the child has sent the signal so that this is said */
            return lent ? incremental_end_of(write_image, incremental_failed(error)) : error;
    } else if (wanted && !buried) {
        bury_earlier();
    }
    return now ? in_place(write_image, path, NULL) : begin(write_image, path);
}

/* The rest of library.h. */

uint64_t library_live_arena(void)
{
    return lending ? (uint64_t)current : incremental_arena();
}

void library_live_plan(struct arena *arena)
{
    if (arena->live->incremental != NULL)
        incremental_place(arena);
    else if (!arena->live->forks)
        live_plan_places(arena);
}

int library_live_write(struct arena *arena)
{
    struct live *live = arena->live;
    if (live->incremental != NULL && live->child == 0)
        return incremental_save(arena);
    if (live->forks)
        return live_fork(arena);
    if (live->incremental != NULL && !incremental_is_possible())
        return -E2BIG; /* before it came to that */
    live_set_state(live, LIVE_LAST);
    if (!live_wait(live, LIVE_LAST, live_child_is_there))
        return finish() ? 0 : -ECHILD;
    live->said = live->error != 0;
    if (live->incremental != NULL)
        return incremental_failed(live->error);
    if (live->said)
        live_say_failure(live, live->error);
    return live->error;
}

static bool tracks(uint64_t start)
{
    const struct live *live = live_of(current);
    for (const struct live_place *p = live->places; p < live->places + live->place_count; p++)
        if (p->start <= start && start < p->end)
            return true;
    return false;
}

const struct live_view *library_live_view(void)
{
    static struct live_view view = {.tracks = tracks};
    if (!lending)
        return incremental_view();
    const struct live *live = live_of(current);
    view.child = live->child;
    view.copied = live->forks;
    view.held = live->forks || live->direct || live->held.count > KNOWN_MOST ? NULL : &live->held;
    return &view;
}
