/*
 * restart - brings a program back to life: from a checkpoint image, or from any core file.
 *
 *     restart IMAGE          the program goes on at once, as in stage 4
 *     restart PROG CORE      it is left stopped (SIGSTOP), for a debugger, unless -n says otherwise
 *
 * The phases are those of stage 3.  A core file's plan is another one (core_plan.c), and so is the jump: into a
 * signal frame (part_frame.c).
 */
#include "core_plan.h"
#include "fdtext.h"
#include "memory_plan.h"
#include "shared_plan.h"
#include "surroundings_plan.h"

#include <sys/wait.h>

static const char usage[] =
    "Usage: restart [-hvnw] [-f[FILE]] [--strict] [--accept WORDS] [--rollback] [--redirect] [--lazy] [--stop]\n"
    "               [--dry-run] IMAGE\n"
    "       restart [the same] PROG CORE | CORE\n"
    "Become the program of a checkpoint image, or of a core file (of the kernel, gcore, gdb), as it was then.\n"
    "PROG is the file that ran; without it, the file that CORE names.  With PROG and CORE the program is left\n"
    "stopped, until `kill -CONT PID`.\n\n"
    "  -f[FILE], --files[=FILE]\n"
    "                 take the open files from a text (default: " FDTEXT_DEFAULT "), as libsavefds.so\n"
    "                 or `readckpt --files IMAGE` write it; it may be edited by hand\n"
    "  -n, --nostop   do not leave it stopped\n"
    "  -w, --wait     a child becomes the program; wait for it, and report how it ended\n"
    "  --strict       no restart if anything would not come back as it was\n"
    "  --accept WORDS differences that --strict does not mind: cpu-time,user; restart names each by its word\n"
    "  --rollback     cut files that the program writes back to the length that they had, and say which\n"
    "  --redirect     open 0, 1 and 2 again if they were files, whatever restart's own are\n"
    "  -v, -V, --verbose  say what is done\n"
    "  --lazy         map the image's pages, do not read them: fast, but the image must stay as it is\n"
    "  --stop         stop before the jump into the program, for gdb; `kill -CONT PID` goes on\n"
    "  --dry-run      check everything, build the plan, change nothing, and exit\n\n"
    "Images and cores are code: restart only what you would run.\n\n"
    "Exit status: the program's (128 and the signal, if one killed it, with -w); or 64 wrong usage; 65 not a\n"
    "valid image or core, or one of another kernel or processor; 66 the image or a file that it needs is\n"
    "missing or another one; 71 a system call failed.\n";

/* The options that stage 4 has not. */
struct options {
    struct files_options files;
    int nostop, wait;
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

static void parse_options(int argc, char **argv, struct restart_plan *plan, struct options *more)
{
    const struct option options[] = {
        {"verbose", 0, &plan->verbose, 1}, {"lazy", 0, &plan->lazy, 1}, {"stop", 0, &plan->stop, 1},
        {"dry-run", 0, &plan->dry_run, 1}, {"help", 0, NULL, 'h'}, {"files", 2, NULL, 'f'},
        {"accept", 1, NULL, 'a'},
        {"strict", 0, &more->files.strict, 1}, {"rollback", 0, &more->files.rollback, 1},
        {"redirect", 0, &more->files.redirect, 1}, {"nostop", 0, &more->nostop, 1},
        {"wait", 0, &more->wait, 1}, {0},
    };
    for (int option; (option = getopt_long(argc, argv, "vVhnwf::", options, NULL)) != -1;) {
        plan->verbose |= option == 'v' || option == 'V';
        more->nostop |= option == 'n';
        more->wait |= option == 'w';
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

int main(int argc, char **argv)
{
    static struct restart_plan plan;
    static struct options more;
    parse_options(argc, argv, &plan, &more);
    const char *path = argv[argc - 1], *program = optind == argc - 2 ? argv[optind] : NULL;
    plan.stop |= program != NULL && !more.nostop;
    if (more.wait && !plan.dry_run)
        fork_and_wait();
    if (core_is_image(path)) {
        plan_open(&plan, path);
        plan.differences += files_plan(&plan.image, &more.files);
        plan.differences += shared_plan(&plan.image);
        plan.differences += memory_plan(&plan.image);
        plan.differences += surroundings_plan(&plan, &more.files);
        plan.say_to = stderr_keep(&plan.image);
        plan_make(&plan);
    } else {
        core_plan(&plan, program, path, &more.files);
    }
    strict_check(plan.differences, more.files.strict);
    if (!plan.dry_run)
        files_commit(&plan.image, &more.files);
    plan_go(&plan);
}
