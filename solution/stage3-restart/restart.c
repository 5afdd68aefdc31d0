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
    "Usage: restart [-h] [-v] [--lazy] [--stop] [--times] [--dry-run] IMAGE\n"
    "Become the program of a checkpoint image, as it was then.  Descriptors 0, 1 and 2 are those of restart.\n\n"
    "  -v, --verbose  say what is done\n"
    "  --lazy         map the image's pages, do not read them: fast, but the image must stay as it is\n"
    "  --stop         stop before the jump into the program, for gdb; `kill -CONT PID` goes on\n"
    "  --times        say how long each phase took, in microseconds\n"
    "  --dry-run      check everything, build the plan, change nothing, and exit\n\n"
    "An image is code: restart only what you would run.\n\n"
    "Exit status: the program's; or 64 wrong usage; 65 not a valid image; 66 the image or a file that it\n"
    "needs is missing or changed; 71 a system call failed.\n";

int main(int argc, char **argv)
{
    static struct restart_plan plan;
    static const struct option options[] = {PLAN_OPTIONS(plan), {0}};
    int option;
    while ((option = getopt_long(argc, argv, "vh", options, NULL)) != -1) {
        plan.verbose |= option == 'v';
        if (option == 'h' || option == '?')
            usage_exit(usage, option == 'h');
    }
    if (optind != argc - 1)
        usage_exit(usage, false);
    times_start_program(&plan.times);
    plan_open(&plan, argv[optind]);
    plan_make(&plan);
    plan_go(&plan);
}
