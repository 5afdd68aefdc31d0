/*
 * surroundings_plan.c - says what lies around the second life and is not what lay around the first.
 *
 * Each difference has a word.  --strict refuses because of it, unless --accept has the word: so --strict stays of
 * use where somebody knows that, say, the CPU time does not matter to the program.
 */
#include "surroundings_plan.h"
#include "image_process.h"
#include "image_signals.h"

#include <sys/stat.h>

struct comparison {
    const struct surroundings *then, *now;
    const struct files_options *options;
    bool quiet;   /* on another machine this was to be expected */
    int problems; /* that --strict minds */
};

bool is_accepted(const char *words, const char *word)
{
    size_t length = strlen(word);
    for (const char *at = words; at != NULL && *at != '\0'; at += strcspn(at, ","), at += *at == ',')
        if (strcspn(at, ",") == length && strncmp(at, word, length) == 0)
            return true;
    return false;
}

/* Names a difference, and counts it. */
__attribute__((format(printf, 3, 4))) static void differs(struct comparison *c, const char *word,
                                                          const char *format, ...)
{
    va_list list;
    c->problems += !is_accepted(c->options->accept, word);
    if (c->quiet)
        return;
    fprintf(stderr, "restart: not as it was (%s): ", word);
    va_start(list, format);
    vfprintf(stderr, format, list);
    va_end(list);
    fputc('\n', stderr);
}

static void compare_user(struct comparison *c)
{
    static const char names[CAPABILITIES][8] = CAPABILITY_NAMES;
    const struct surroundings *then = c->then, *now = c->now;
    if (memcmp(then->users, now->users, sizeof then->users) != 0)
        differs(c, "user", "user id %u (effective %u) is %u (%u) now", then->users[0], then->users[1],
                now->users[0], now->users[1]);
    if (memcmp(then->groups, now->groups, sizeof then->groups) != 0)
        differs(c, "user", "group id %u (effective %u) is %u (%u) now", then->groups[0], then->groups[1],
                now->groups[0], now->groups[1]);
    if (then->more_groups != now->more_groups || then->more_groups_sum != now->more_groups_sum)
        differs(c, "user", "its supplementary groups (%lu) are others (%lu) now", then->more_groups,
                now->more_groups);
    for (int i = 0; i < CAPABILITIES; i++)
        if (then->capabilities[i] != now->capabilities[i])
            differs(c, "user", "capabilities: %s 0x%lx is 0x%lx now", names[i], then->capabilities[i],
                    now->capabilities[i]);
    if (then->securebits != now->securebits)
        differs(c, "user", "securebits 0x%lx are 0x%lx now (capabilities(7))", then->securebits, now->securebits);
    if (then->filters > now->filters)
        differs(c, "seccomp", "it had limited its system calls (seccomp(2)); that cannot come back");
    if (then->keyrings != 0)
        differs(c, "keyrings", "the keys of its own process and thread keyrings are gone (keyrings(7))");
    if (strcmp(then->label, now->label) != 0)
        differs(c, "label", "the security module's label %s is %s now", then->label, now->label);
}

/* 0 if we may go there; else an errno.  One that was removed in the first life already is made anew. */
static int directory_problem(const char *path)
{
    struct stat now;
    if (process_removed(path))
        return 0;
    if (stat(path, &now) != 0)
        return errno;
    if (!S_ISDIR(now.st_mode))
        return ENOTDIR;
    return eaccess(path, X_OK) == 0 ? 0 : errno;
}

/*
 * The working directory is entered late, by the restorer.  If it cannot be, the program is where restart is; that
 * is said now, and not once more.
 */
static void compare_directory(struct comparison *c, struct image *image)
{
    static struct image_process changed;
    const struct image_process *p = image_note(image, IMAGE_NOTE_NAME, NOTE_PROCESS, sizeof *p, NULL);
    if (p == NULL)
        return;
    changed = *p;
    changed.directory[PATH_MAX - 1] = '\0'; /* believe no image */
    int error = directory_problem(changed.directory);
    if (error == 0)
        return;
    differs(c, "directory", "its working directory %s cannot be entered: %s; it will be restart's own",
            changed.directory, changed.directory[0] == '\0' ? "it had no path" : strerror(error));
    strcpy(changed.directory, ".");
    image_put_note(image, NOTE_PROCESS, &changed, sizeof changed);
}

static void compare_places(struct comparison *c, bool verbose)
{
    static const char names[NAMESPACES][8] = NAMESPACE_NAMES;
    char list[128] = "";
    for (int i = 0; i < NAMESPACES; i++)
        if (c->then->namespaces[i] != c->now->namespaces[i])
            strcat(strcat(list, " "), names[i]);
    if (c->then->root_device != c->now->root_device || c->then->root_inode != c->now->root_inode)
        differs(c, "root", "its root directory was another one (chroot(2)): paths lead elsewhere");
    if (list[0] != '\0')
        differs(c, "namespaces", "it was in other namespaces:%s", list);
    if (verbose && strcmp(c->then->cgroup, c->now->cgroup) != 0)
        fprintf(stderr, "restart: its control group was another one: %s", c->then->cgroup);
}

/* A program that stops and continues others on a terminal takes care of SIGTTOU. */
static bool manages_jobs(const struct image *image)
{
    size_t size;
    const struct image_signals *s = image_note(image, IMAGE_NOTE_NAME, NOTE_SIGNALS, sizeof *s, &size);
    return s != NULL && s->actions[SIGTTOU - 1].handler != 0;
}

static void compare_session(struct comparison *c, const struct image *image, bool verbose)
{
    const struct surroundings *then = c->then, *now = c->now;
    if (then->session == then->pid && now->session != now->pid)
        differs(c, "session", "it led a session of its own, and is in restart's now (setsid restart ...)");
    if (then->terminal != 0 && now->terminal == 0)
        differs(c, "session", "it had a controlling terminal, and restart has none: no Ctrl-C, no /dev/tty");
    if (then->terminal == 0 && now->terminal != 0)
        differs(c, "session",
                "it had no controlling terminal, and has restart's now: Ctrl-C and a hangup reach it");
    if (then->terminal != 0 && manages_jobs(image))
        differs(c, "session",
                "it manages jobs on its terminal as process group %d, which is %d now: it will lose the "
                "terminal, as a shell does",
                then->process_group, now->process_group);
    else if (verbose && then->process_group == then->pid && now->process_group != now->pid)
        fprintf(stderr, "restart: it led a process group, and is in restart's now\n");
}

/* How far our clock is from where the program's would be now; below 0: ours is behind. */
static int64_t clock_error(const struct comparison *c, int64_t then, int64_t now, int64_t then_offset,
                           int64_t now_offset)
{
    int64_t passed = c->now->real > c->then->real ? c->now->real - c->then->real : 0;
    if (strcmp(c->then->boot_id, c->now->boot_id) == 0 && c->then->boot_id[0] != '\0')
        return now_offset - then_offset; /* the same clock, maybe seen from another time namespace */
    return now - (then + passed);
}

static bool is_much(int64_t error)
{
    return error <= -NSEC || error >= NSEC; /* on another machine, less than that may be the clock on the wall */
}

/* The second life's clocks go on where the first one's would be; else it is said how wrong they are. */
static void compare_clocks(struct comparison *c, const struct restart_plan *plan)
{
    const struct surroundings *then = c->then, *now = c->now;
    int64_t monotonic =
        clock_error(c, then->monotonic, now->monotonic, then->monotonic_offset, now->monotonic_offset);
    int64_t boot = clock_error(c, then->boot, now->boot, then->boot_offset, now->boot_offset);
    if (!is_much(monotonic) && !is_much(boot))
        return;
    const char *clock = is_much(monotonic) ? "monotonic" : "boot"; /* who slept (suspend) has only that wrong */
    int64_t off = is_much(monotonic) ? monotonic : boot;
    int error = clock_namespace(now->monotonic_offset - monotonic, now->boot_offset - boot, plan->dry_run);
    if (error == IN_USER_NAMESPACE)
        differs(c, "namespaces",
                "to put its clock right it is in a user namespace of its own: set-user-id programs that "
                "it starts get no rights");
    if ((error == 0 || error == IN_USER_NAMESPACE) && !c->quiet)
        fprintf(stderr, "restart: the %s clock was %ld s off: a time namespace puts it right\n", clock,
                -off / NSEC);
    else if (error != 0 && error != IN_USER_NAMESPACE)
        differs(c, "clock",
                "the %s clock is %ld s %s, and a time namespace is refused (%s): waits until an "
                "absolute time end as much too %s",
                clock, labs(off / NSEC), off < 0 ? "behind" : "ahead", strerror(error),
                off < 0 ? "late" : "early");
}

/* Every program has used some: below a second it is not worth a word. */
static void compare_cpu_time(struct comparison *c, bool verbose)
{
    uint64_t used = c->then->cpu_time;
    if (used >= 1000000)
        differs(c, "cpu-time", "it had used %lu.%lu s of CPU time; clock(3), times(2) and getrusage(2) begin at 0",
                used / 1000000, used / 100000 % 10);
    else if (verbose)
        fprintf(stderr, "restart: CPU time begins at 0; it was %lu ms\n", used / 1000);
}

int surroundings_plan(struct restart_plan *plan, const struct files_options *options)
{
    static struct surroundings then, now;
    static char scratch[1 << 18];
    bool verbose = plan->verbose != 0;
    struct comparison c = {&then, &now, options, options->elsewhere && !verbose, 0};
    compare_directory(&c, &plan->image);
    const void *note = image_note(&plan->image, IMAGE_NOTE_NAME, NOTE_SURROUNDINGS, sizeof then, NULL);
    if (note == NULL && verbose)
        fprintf(stderr, "restart: the image does not say what lay around the program (user, session, clocks)\n");
    if (note == NULL)
        return c.problems;
    memcpy(&then, note, sizeof then);
    then.boot_id[sizeof then.boot_id - 1] = then.label[sizeof then.label - 1] = '\0'; /* believe no image */
    then.cgroup[sizeof then.cgroup - 1] = '\0';
    surroundings_read(&now, scratch, sizeof scratch);
    compare_user(&c);
    compare_places(&c, verbose);
    compare_session(&c, &plan->image, verbose);
    compare_cpu_time(&c, verbose);
    compare_clocks(&c, plan);
    return c.problems;
}
