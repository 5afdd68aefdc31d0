/*
 * restart - brings a checkpointed program back to life, in its own process.
 *
 *     1. Plan   (libc allowed) open and check the image, check all it needs, build the restorer's block
 *     2. Move   to the block's stack.  From here on: no libc, no TLS, no old stack
 *     3. Clear  unmap all of restart's memory                    \
 *     4. Map    the image's regions where they were               | restorer.c, inside the block
 *     5. State  brk, TLS, signals, timers: each part's restore()  |
 *     6. Jump   setcontext() in the restored program             /
 *
 * The process keeps its pid, parent, terminal and standard files; its exit status is the program's.
 */
#include "restart_plan.h"

static const char usage[] =
    "Usage: restart [-h] [-v] [--lazy] [--stop] [--dry-run] IMAGE\n"
    "Become the program of a checkpoint image, as it was then.  Descriptors 0, 1 and 2 are those of restart.\n\n"
    "  -v, --verbose  say what is done\n"
    "  --lazy         map the image's pages, do not read them: fast, but the image must stay as it is\n"
    "  --stop         stop before the jump into the program, for gdb; `kill -CONT PID` goes on\n"
    "  --dry-run      check everything, build the plan, destroy nothing, and exit\n\n"
    "Exit status: the program's; or 64 wrong usage; 65 not a valid image; 66 the image or a file that it\n"
    "needs is missing or changed; 71 a system call failed.\n";

/* What will not come back is said before the program goes on: nothing is lost in silence. */
static void warn_of_losses(const struct image *image)
{
    size_t size;
    const char *lines = image_note(image, IMAGE_NOTE_NAME, NOTE_LOST, 1, &size);
    if (lines != NULL)
        fprintf(stderr, "restart: not brought back:\n%.*s", (int)size, lines);
}

static void explain(const struct restorer *r)
{
    fprintf(stderr, "restart: %zu regions, %zu kinds of state; the restorer runs at 0x%lx\n", r->region_count,
            r->call_count, r->start);
    for (const struct kernel_move *m = r->moves; m < r->moves + r->move_count; m++)
        fprintf(stderr, "restart: %s at 0x%lx moves to 0x%lx\n", m->name, m->from, m->to);
}

int main(int argc, char **argv)
{
    static int verbose, dry_run;
    static struct restart_plan plan;
    static const struct option options[] = {
        {"verbose", 0, &verbose, 1}, {"lazy", 0, &plan.lazy, 1}, {"stop", 0, &plan.stop, 1},
        {"dry-run", 0, &dry_run, 1}, {"help", 0, NULL, 'h'}, {0},
    };
    int option;
    while ((option = getopt_long(argc, argv, "vh", options, NULL)) != -1) {
        verbose |= option == 'v';
        if (option == 'h' || option == '?')
            usage_exit(usage, option == 'h');
    }
    if (optind != argc - 1)
        usage_exit(usage, false);
    sigset_t all;
    sigfillset(&all);
    sigprocmask(SIG_BLOCK, &all, NULL); /* signals wait; setcontext() brings back the program's own mask */
    plan_make(&plan, argv[optind]);
    warn_of_losses(&plan.image);
    if (verbose || dry_run)
        explain(plan.restorer);
    if (dry_run)
        return 0;
    const char *program = plan.image.names + plan.image.regions[0].name; /* it lies lowest, as a rule */
    if (plan.stop)
        fprintf(stderr, "restart: process %d stops before the jump. In another terminal, type\n"
                "    gdb -iex 'set exec-file-mismatch off' '%s' %d\n", getpid(), *program == '/' ? program : "PROG",
                getpid());
    arch_call_on_stack(plan.restorer, plan.entry, plan.stack_top);
}
