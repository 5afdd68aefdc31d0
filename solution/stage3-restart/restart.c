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
#include "arch.h"
#include "part.h"
#include "restart_plan.h"
#include "libc.h"

static const char usage[] =
    "Usage: restart [-v] [--lazy] [--stop] [--dry-run] IMAGE\n"
    "Bring a checkpointed program back to life: this process becomes the program, as it was when the image\n"
    "was made.  Descriptors 0, 1 and 2 are those of restart; the exit status is the program's own.\n\n"
    "  -v, --verbose  say what is done\n"
    "  --lazy         map the image's pages instead of reading them: a fast start, but the image must stay\n"
    "                 as it is as long as the program runs\n"
    "  --stop         stop before the jump into the program, for gdb; `kill -CONT PID` goes on\n"
    "  --dry-run      check everything, build the plan, destroy nothing, and exit\n"
    "  -h, --help     this text\n\n"
    "Exit status: the program's; or 64 wrong usage; 65 not a valid image; 66 the image or a file that it\n"
    "needs is missing or changed; 71 a system call failed.\n";

__attribute__((format(printf, 1, 2))) static int print_to_stderr(const char *format, ...)
{
    va_list args;
    va_start(args, format);
    fputs("restart:", stderr);
    int written = vfprintf(stderr, format, args);
    va_end(args);
    return written;
}

/* What will not come back is said before the program goes on: nothing is lost in silence. */
static void warn_of_losses(const struct image *image)
{
    size_t size;
    const void *note = image_note(image, IMAGE_NOTE_NAME, NOTE_LOST, 1, &size);
    if (note != NULL)
        lost_part.describe(print_to_stderr, note, size);
}

static void explain(const struct restart_plan *plan)
{
    const struct restorer *r = plan->restorer;
    fprintf(stderr, "restart: %zu regions, %zu kinds of state\n", r->region_count, r->call_count);
    fprintf(stderr, "restart: the restorer runs at 0x%lx (%luK), its stack ends at %p\n", r->start, r->size / 1024, plan->stack_top);
    for (size_t i = 0; i < r->move_count; i++)
        fprintf(stderr, "restart: the kernel's mapping at 0x%lx moves to 0x%lx\n", r->moves[i].from, r->moves[i].to);
}

static void parse_options(int argc, char **argv, struct restart_options *options)
{
    static const struct option long_options[] = {{"verbose", 0, NULL, 'v'}, {"lazy", 0, NULL, 'l'}, {"stop", 0, NULL, 's'},
                                                 {"dry-run", 0, NULL, 'd'}, {"help", 0, NULL, 'h'}, {0}};
    int option;
    while ((option = getopt_long(argc, argv, "vh", long_options, NULL)) != -1) {
        options->verbose |= option == 'v';
        options->lazy |= option == 'l';
        options->stop |= option == 's';
        options->dry_run |= option == 'd';
        if (option == 'h' || option == '?') {
            fputs(usage, option == 'h' ? stdout : stderr);
            _exit(fflush(stdout) != 0 || option == '?' ? EX_USAGE : 0);
        }
    }
}

int main(int argc, char **argv)
{
    struct restart_options options = {0};
    struct restart_plan plan;
    sigset_t all;
    parse_options(argc, argv, &options);
    if (optind != argc - 1) {
        fputs(usage, stderr);
        return EX_USAGE;
    }
    plan_make(&plan, argv[optind], &options);
    warn_of_losses(&plan.image);
    if (options.verbose || options.dry_run)
        explain(&plan);
    if (options.dry_run)
        return 0;
    if (options.stop)
        fprintf(stderr, "restart: process %d stops before the jump. In another terminal, type\n"
                "    gdb -iex 'set exec-file-mismatch off' -p %d\n", getpid(), getpid());
    sigfillset(&all);
    sigprocmask(SIG_BLOCK, &all, NULL); /* signals wait; setcontext() brings back the program's own mask */
    arch_call_on_stack(plan.restorer, plan.entry, plan.stack_top);
}
