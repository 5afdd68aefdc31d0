/*
 * restart - brings a program back to life: from a checkpoint image, or from any core file.
 *
 *     restart IMAGE          the program goes on at once, as in stage 4
 *     restart PROG CORE      it is left stopped (SIGSTOP), for a debugger, unless -n says otherwise
 *
 * The phases are those of stage 3.  A core file's plan is another one (core_plan.c), and so is the jump: into a
 * signal frame (part_frame.c).
 */
#include "restart_main.h"
#include "fdtext.h"

static const char usage[] =
    "Usage: restart [-hvnw] [-f[FILE]] [--strict] [--accept WORDS] [--rollback] [--redirect] [--lazy] [--stop]\n"
    "               [--times] [--dry-run] [--moved OLD=NEW]... IMAGE\n"
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
    "  --accept WORDS differences that --strict does not mind: cpu-time,user; restart names each by its word.\n"
    "                 processor: restart even if this one has less than the program may use\n"
    "  --rollback     cut files that the program writes back to the length that they had, and say which\n"
    "  --redirect     open 0, 1 and 2 again if they were files, whatever restart's own are\n"
    "  --moved OLD=NEW  what it had in the folder OLD lies in NEW now: files, mappings, its working directory\n"
    "  --resume       for `ckpt --evict --resume`, which starts this: only if it is the same command's image\n"
    "  -v, -V, --verbose  say what is done\n"
    "  --lazy         map the image's pages, do not read them: fast, but the image must stay as it is\n"
    "  --stop         stop before the jump into the program, for gdb; `kill -CONT PID` goes on\n"
    "  --times        say how long each phase took, in microseconds\n"
    "  --dry-run      check everything, build the plan, change nothing, and exit\n\n"
    "Images and cores are code: restart only what you would run.\n\n"
    "Exit status: the program's (128 and the signal, if one killed it, with -w); or 64 wrong usage; 65 not a\n"
    "valid image or core, or one of another kernel or processor; 66 the image or a file that it needs is\n"
    "missing or another one; 71 a system call failed.\n";

int main(int argc, char **argv)
{
    restart_main(argc, argv, usage);
}
