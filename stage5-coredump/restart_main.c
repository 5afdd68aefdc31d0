/* restart_main.c - what restart was asked for, and its phases.  Given. */
#include "restart_main.h"
#include "core_plan.h"
#include "fdtext.h"
#include "library_plan.h"
#include "memory_plan.h"
#include "shared_plan.h"
#include "surroundings_plan.h"

#include <sys/wait.h>

/* The options that stage 4 has not. */
struct options {
    struct files_options files;
    int nostop, wait;
    struct moved moved;
};

/* How the program ended, in words; and the exit status that says the same. */
static int report(int status)
{
    if (WIFSIGNALED(status)) {
        fprintf(stderr, "restart: the program was killed by signal %d (%s)%s\n", WTERMSIG(status),
                strsignal(WTERMSIG(status)), WCOREDUMP(status) ? ", core dumped" : "");
        return 128 + WTERMSIG(status);
    }
    fprintf(stderr, "restart: the program ended with exit status %d\n", WEXITSTATUS(status));
    return WEXITSTATUS(status);
}

/*
 * -w.  The child goes on and becomes the program; we wait.  Ctrl-C and Ctrl-\ of the terminal reach both: they are
 * the program's to act on.
 */
static void fork_and_wait(void)
{
    int status;
    pid_t child = fork();
    if (child < 0)
        err(EX_OSERR, "fork");
    if (child == 0)
        return;
    signal(SIGINT, SIG_IGN);
    signal(SIGQUIT, SIG_IGN);
    sigset_t none;
    sigemptyset(&none);
    sigprocmask(SIG_SETMASK, &none, NULL);
    while (waitpid(child, &status, 0) < 0)
        if (errno != EINTR)
            err(EX_OSERR, "waitpid");
    exit(report(status));
}

static void parse_options(int argc, char **argv, const char *usage, struct restart_plan *plan, struct options *more)
{
    const struct option options[] = {
        {"verbose", 0, &plan->verbose, 1}, {"lazy", 0, &plan->lazy, 1}, {"stop", 0, &plan->stop, 1},
        {"dry-run", 0, &plan->dry_run, 1}, {"help", 0, NULL, 'h'}, {"files", 2, NULL, 'f'},
        {"accept", 1, NULL, 'a'},
        {"strict", 0, &more->files.strict, 1}, {"rollback", 0, &more->files.rollback, 1},
        {"redirect", 0, &more->files.redirect, 1}, {"nostop", 0, &more->nostop, 1},
        {"wait", 0, &more->wait, 1}, {"resume", 0, &more->files.resume, 1},
        {"moved", 1, NULL, 'm'}, {"times", 0, &plan->times.wanted, 1}, {0},
    };
    for (int option; (option = getopt_long(argc, argv, "vVhnwf::", options, NULL)) != -1;) {
        plan->verbose |= option == 'v' || option == 'V';
        more->nostop |= option == 'n';
        more->wait |= option == 'w';
        if (option == 'm')
            moved_add(&more->moved, optarg);
        if (option == 'a')
            more->files.accept = optarg;
        if (option == 'f')
            more->files.text = optarg != NULL ? optarg : FDTEXT_DEFAULT;
        if (option == 'h' || option == '?')
            usage_exit(usage, option == 'h');
    }
    if (optind != argc - 1 && optind != argc - 2)
        usage_exit(usage, false);
}

void restart_main(int argc, char **argv, const char *usage)
{
    static struct restart_plan plan;
    static struct options more;
    parse_options(argc, argv, usage, &plan, &more);
    const char *path = argv[argc - 1], *program = optind == argc - 2 ? argv[optind] : NULL;
    plan.stop |= program != NULL && !more.nostop;
    if (more.wait && !plan.dry_run)
        fork_and_wait();
    times_start_program(&plan.times);
    if (core_is_image(path)) {
        plan.any_processor = is_accepted(more.files.accept, "processor");
        plan_open(&plan, path);
        if (remote_refuse != NULL)
            remote_refuse(&plan.image);
        library_plan(&plan, path, more.files.resume != 0, &more.moved);
        plan.differences += files_plan(&plan.image, &more.files);
        times_end(&plan.times, "plan of open files");
        plan.differences += shared_plan(&plan.image);
        plan.differences += memory_plan(&plan.image);
        plan.differences += surroundings_plan(&plan, &more.files);
        plan.say_to = stderr_keep(&plan.image);
        times_end(&plan.times, "plans of other rooms");
        plan_make(&plan);
    } else {
        if (more.files.resume)
            errx(EX_DATAERR, "%s is no image, so this command does not go on with it: it stays as it is", path);
        if (more.moved.count > 0)
            errx(EX_USAGE, "%s: --moved is for images", path);
        core_plan(&plan, program, path, &more.files);
    }
    strict_check(plan.differences, more.files.strict);
    if (!plan.dry_run)
        files_commit(&plan.image, &more.files);
    plan_go(&plan);
}
