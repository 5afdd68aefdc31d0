/*
 * restart - brings a checkpointed program back to life, with its files.
 *
 * The phases are those of stage 3.  New is in the plan: what the program had open is opened again before
 * anything is destroyed (files_plan.c, shared_plan.c); the restorer puts it in its place (part_files.c,
 * shared_restore.c).
 */
#include "files_plan.h"
#include "fdtext.h"
#include "library_plan.h"
#include "memory_plan.h"
#include "restart_plan.h"
#include "shared_plan.h"
#include "surroundings_plan.h"

static const char usage[] =
    "Usage: restart [-hv] [-f[FILE]] [--strict] [--accept WORDS] [--rollback] [--redirect] [--lazy] [--stop]\n"
    "               [--times] [--dry-run] [--moved OLD=NEW]... IMAGE\n"
    "Become the program of a checkpoint image, as it was then, with its files.  Descriptors 0, 1 and 2 are those\n"
    "of restart; where it has a terminal, and the program had a file, the file is opened again.\n\n"
    "  -f[FILE], --files[=FILE]\n"
    "                 take the open files from a text (default: " FDTEXT_DEFAULT "), edited by hand; a file is\n"
    "                 found where the text says.  `readckpt --files IMAGE` makes one\n"
    "  --strict       no restart if anything would not come back as it was\n"
    "  --accept WORDS differences that --strict does not mind: cpu-time,user; restart names each by its word.\n"
    "                 processor: restart even if this one has less than the program may use\n"
    "  --rollback     cut files that the program writes back to the length that they had, and say which\n"
    "  --redirect     open 0, 1 and 2 again if they were files, whatever restart's own are\n"
    "  --moved OLD=NEW  what it had in the folder OLD lies in NEW now: files, mappings, its working directory\n"
    "  --resume       for `ckpt --evict --resume`, which starts this: only if it is the same command's image\n"
    "  -v, --verbose  say what is done\n"
    "  --lazy         map the image's pages, do not read them: fast, but the image must stay as it is\n"
    "  --stop         stop before the jump into the program, for gdb; `kill -CONT PID` goes on\n"
    "  --times        say how long each phase took, in microseconds\n"
    "  --dry-run      check everything, build the plan, change nothing, and exit\n\n"
    "An image is code: restart only what you would run.\n\n"
    "Exit status: the program's; or 64 wrong usage; 65 not a valid image; 66 the image or a file that it\n"
    "needs is missing or changed; 71 a system call failed.\n";

/* What each room of this stage needs, and what is not as it was. */
static void rooms_plan(struct restart_plan *plan, struct files_options *files)
{
    plan->differences += files_plan(&plan->image, files);
    times_end(&plan->times, "plan of open files");
    plan->differences += shared_plan(&plan->image);
    plan->differences += memory_plan(&plan->image);
    plan->differences += surroundings_plan(plan, files);
    plan->say_to = stderr_keep(&plan->image);
    times_end(&plan->times, "plans of other rooms");
}

int main(int argc, char **argv)
{
    static struct restart_plan plan;
    static struct files_options files;
    static struct moved moved;
    static const struct option options[] = {
        PLAN_OPTIONS(plan), {"files", 2, NULL, 'f'}, {"accept", 1, NULL, 'a'}, {"strict", 0, &files.strict, 1},
        {"rollback", 0, &files.rollback, 1}, {"redirect", 0, &files.redirect, 1}, {"resume", 0, &files.resume, 1},
        {"moved", 1, NULL, 'm'}, {0},
    };
    int option;
    while ((option = getopt_long(argc, argv, "vhf::", options, NULL)) != -1) {
        plan.verbose |= option == 'v';
        if (option == 'f')
            files.text = optarg != NULL ? optarg : FDTEXT_DEFAULT;
        if (option == 'm')
            moved_add(&moved, optarg);
        if (option == 'a')
            files.accept = optarg;
        if (option == 'h' || option == '?')
            usage_exit(usage, option == 'h');
    }
    if (optind != argc - 1)
        usage_exit(usage, false);
    times_start_program(&plan.times);
    plan.any_processor = is_accepted(files.accept, "processor");
    plan_open(&plan, argv[optind]);
    library_plan(&plan, argv[optind], files.resume != 0, &moved);
    rooms_plan(&plan, &files);
    plan_make(&plan);
    strict_check(plan.differences, files.strict);
    if (!plan.dry_run)
        files_commit(&plan.image, &files);
    plan_go(&plan);
}
