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
#include "image_read.h"
#include "restart_plan.h"

#include <getopt.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sysexits.h>
#include <unistd.h>

static const char usage[] =
    "Usage: restart [-v] [--lazy] [--stop] [--dry-run] IMAGE\n"
    "Bring a checkpointed program back to life: this process becomes the program, as it was when the image\n"
    "was made.  Descriptors 0, 1 and 2 are those of restart; the exit status is the program's own.\n"
    "\n"
    "  -v, --verbose  say what is done\n"
    "  --lazy         map the image's pages instead of reading them: a fast start, but the image must stay\n"
    "                 as it is as long as the program runs\n"
    "  --stop         stop before the jump into the program, for gdb; `kill -CONT PID` goes on\n"
    "  --dry-run      check everything, build the plan, destroy nothing, and exit\n"
    "  -h, --help     this text\n"
    "\n"
    "Exit status: the program's; or 64 wrong usage; 65 not a valid image; 66 the image or a file that it\n"
    "needs is missing or changed; 71 a system call failed.\n";

/* What the image says will not come back is said again here: nothing is lost in silence. */
static void warn_of_losses(const struct image *image)
{
    size_t size;
    const char *text = image_note(image, IMAGE_NOTE_NAME, NOTE_LOST, 1, &size);
    const char *end = text == NULL ? NULL : text + size;
    while (text != NULL && text < end) {
        const char *newline = memchr(text, '\n', (size_t)(end - text));
        int length = (int)((newline == NULL ? end : newline) - text);
        fprintf(stderr, "restart: not brought back: %.*s (a later stage does)\n", length, text);
        text += length + 1;
    }
}

static void explain(const struct restart_plan *plan, const char *path)
{
    const struct restorer *r = plan->restorer;
    if (plan->options->verbose || plan->options->dry_run) {
        fprintf(stderr, "restart: %s: %zu regions, %zu kinds of state\n", path, r->region_count, r->call_count);
        fprintf(stderr, "restart: the restorer runs at 0x%lx, %lu KiB, stack below %p\n", r->start, r->size / 1024, plan->stack_top);
        for (size_t i = 0; i < r->move_count; i++)
            fprintf(stderr, "restart: kernel mapping 0x%lx moves to 0x%lx\n", r->moves[i].from, r->moves[i].to);
    }
    if (plan->options->stop)
        fprintf(stderr, "restart: process %d stops before the jump. Now type, in another terminal:\n"
                "    gdb -iex 'set exec-file-mismatch off' -p %d\n", getpid(), getpid());
}

/* Signals wait from here on; setcontext() brings back the program's own mask. */
static void block_signals(void)
{
    sigset_t all;
    sigfillset(&all);
    sigprocmask(SIG_BLOCK, &all, NULL);
}

static int restart(const char *path, const struct restart_options *options)
{
    struct image image;
    struct restart_plan plan;
    void (*entry)(void *);
    int status = image_open(&image, path);
    if (status != 0)
        return plan_refuse(status, "%s: %s", path, image.why);
    status = plan_make(&plan, &image, options);
    if (status == 0) {
        warn_of_losses(&image);
        explain(&plan, path);
    }
    if (status != 0 || options->dry_run) {
        plan_free(&plan);
        image_close(&image);
        return status;
    }
    block_signals();
    memcpy(&entry, &plan.entry, sizeof entry);
    arch_call_on_stack(plan.restorer, entry, plan.stack_top);
}

int main(int argc, char **argv)
{
    static const struct option long_options[] = {{"verbose", no_argument, NULL, 'v'}, {"lazy", no_argument, NULL, 'l'},
                                                 {"stop", no_argument, NULL, 's'}, {"dry-run", no_argument, NULL, 'd'},
                                                 {"help", no_argument, NULL, 'h'}, {0}};
    struct restart_options options = {0};
    int option;
    while ((option = getopt_long(argc, argv, "vh", long_options, NULL)) != -1) {
        switch (option) {
        case 'v': options.verbose = true; break;
        case 'l': options.lazy = true; break;
        case 's': options.stop = true; break;
        case 'd': options.dry_run = true; break;
        case 'h': fputs(usage, stdout); return 0;
        default: fputs(usage, stderr); return EX_USAGE;
        }
    }
    if (optind != argc - 1) {
        fputs(usage, stderr);
        return EX_USAGE;
    }
    return restart(argv[optind], &options);
}
