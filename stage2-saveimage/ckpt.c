/*
 * ckpt - runs a program so that it can be checkpointed: with libckpt.so preloaded.
 *
 * It becomes the program (execv), so the pid stays, and nobody stands between the program and its
 * terminal, its parent or its signals.  But with --evict, it is the program's parent: evict.h.
 */
#include "evict.h"
#include "image_names.h"
#include "portable.h"
#include "live_option.h"
#include "program.h"
#include "start_times.h"
#include "libc.h"
#include "text.h"

static const char usage[] =
    "Usage: ckpt [-h] [-o IMAGE] [-s SIGNAL] [-i SECONDS] [-v] [--evict[=STATUS] [--resume]] [--portable[=LEVEL]]\n"
    "            [--times] [--keep N] [--live[=track]] [--incremental] [--] PROG [ARGS...]\n"
    "Run PROG.  `kill -USR2 PID` writes its image; PROG goes on, and `restart IMAGE` brings it back.\n\n"
    "  -o IMAGE    the image's name; %p in it is the pid, %n the image's number (from stage 4 on), %% a %\n"
    "              (default: $CKPT_IMAGE or myckpt)\n"
    "  --keep N    with %n: keep the last N images; the oldest goes when the new one is whole\n"
    "  -s SIGNAL   number or name of the checkpoint signal (default: $CKPT_SIGNAL or USR2)\n"
    "  -i SECONDS  take a checkpoint every SECONDS seconds as well (default: $CKPT_INTERVAL or never)\n"
    "  -v          say on stderr when an image is written (default: $CKPT_VERBOSE)\n"
    "  --times     say on stderr how long the start and each checkpoint took, by phase, in microseconds\n"
    "  --live      (from stage 4 on) PROG goes on while a copy of it (fork(2)) writes the image.  --live=track:\n"
    "              as the kernel notes what changes; for a PROG into whose memory no other process writes\n"
    "  --incremental  (from stage 4 on) from the third image on only what changed is written (IMAGE.spare)\n\n"
    "For engines that ask a job to leave, and give the same command again (from stage 4 on):\n\n"
    "  --evict[=STATUS]   stay as PROG's parent.  On SIGTERM: PROG's image, its end, and exit with STATUS\n"
    "                     (default 85).  If there can be no image, PROG goes on.  Other signals are passed on\n"
    "  --evict-on SIGNAL  the same, on another signal than SIGTERM\n"
    "  --resume           with --evict: if there is IMAGE, restart it; remove it when PROG has ended by itself\n\n"
    "For a restart on another processor (from stage 3 on):\n\n"
    "  --portable[=LEVEL] " ARCH_PORTABLE_HELP "\n"
    "With CKPT_FULL=1 in the environment, a restart does not need the program's and libraries' files.\n"
    "Exit status: PROG's own; 64 wrong usage; 65 PROG cannot be checkpointed; 66 no PROG or no libckpt.so;\n"
    "71 it could not be started.\n";

static void set_variable(const char *name, const char *value)
{
    if (setenv(name, value, 1) != 0)
        err(EX_OSERR, "%s", name);
}

/* The number from 1 to max that the text is, or 0. */
static long parse_number(const char *text, long max)
{
    char *end;
    long number = strtol(text, &end, 10);
    return *end == '\0' && number >= 1 && number <= max ? number : 0;
}

/* "12", "USR2" or "SIGUSR2". */
static int parse_signal(const char *text)
{
    int number = (int)parse_number(text, SIGRTMAX);
    for (int i = 1; i < NSIG; i++) {
        const char *name = sigabbrev_np(i);
        if (name != NULL && strcmp(name, strncmp(text, "SIG", 3) == 0 ? text + 3 : text) == 0)
            number = i;
    }
    if (number == 0 || number == SIGKILL || number == SIGSTOP || (number > 31 && number < SIGRTMIN)) // libc's
        errx(EX_USAGE, "%s: not a signal that a program can handle (try USR2)", text);
    return number;
}

/* The exit status for --evict=STATUS. */
static int parse_status(const char *text)
{
    long number = parse_number(text, 255);
    if (number == 0)
        errx(EX_USAGE, "%s: not an exit status from 1 to 255", text);
    return (int)number;
}

static void parse_options(int argc, char **argv, struct evict *evict, struct times *times)
{
    const struct option long_options[] = {
        {"help", no_argument, NULL, 'h'}, {"evict", optional_argument, NULL, 'E'},
        {"evict-on", required_argument, NULL, 'S'}, {"resume", no_argument, &evict->resume, 1},
        {"portable", optional_argument, NULL, 'P'}, {"times", no_argument, &times->wanted, 1},
        {"keep", required_argument, NULL, 'K'}, {"live", optional_argument, NULL, 'L'},
        {"incremental", no_argument, NULL, 'I'}, {0},
    };
    int option;
    while ((option = getopt_long(argc, argv, "+o:s:i:vh", long_options, NULL)) != -1) {
        switch (option) {
        case 'o': set_variable("CKPT_IMAGE", optarg); break;
        case 's': set_variable("CKPT_SIGNAL", optarg); break;
        case 'i': set_variable("CKPT_INTERVAL", optarg); break;
        case 'v': set_variable("CKPT_VERBOSE", "1"); break;
        case 'E': evict->status = optarg == NULL ? EVICT_STATUS : parse_status(optarg); break;
        case 'K': set_variable("CKPT_KEEP", optarg); break;
        case 'L': live_option(optarg); break;
        case 'I': incremental_option(); break;
        case 'P': portable_option(optarg); break;
        case 'S': evict->signal = parse_signal(optarg); break;
        case 0: break;
        default: usage_exit(usage, option == 'h');
        }
    }
    if (optind == argc)
        usage_exit(usage, false);
    const char *interval = environment("CKPT_INTERVAL", "1");
    if (parse_number(interval, 1000000) == 0)
        errx(EX_USAGE, "%s: not a number of seconds", interval);
    evict_check(evict);
    live_check();
    image_names_option();
}

/* libckpt.so lies beside ckpt; its name goes before those that the user preloads. */
static void preload_library(void)
{
    char library[PATH_MAX + 16], *list = NULL;
    if (realpath("/proc/self/exe", library) == NULL)
        err(EX_OSERR, "/proc/self/exe");
    strcpy(strrchr(library, '/'), "/libckpt.so");
    if (access(library, R_OK) != 0)
        err(EX_NOINPUT, "%s (build it with make)", library);
    if (strpbrk(library, " :") != NULL)
        errx(EX_NOINPUT, "%s: LD_PRELOAD cannot name a path with a blank or a colon; move the lab", library);
    /* TODO 2.1: Put libckpt.so into LD_PRELOAD.
     * The value is a list separated by colons (ld.so(8)): put `library` before what the user has there.
     * asprintf() into `list`, then set_variable(). */
    (void)list;
}

/*
 * SIGUSR2 kills a program that has no handler yet.  A blocked signal waits instead; the mask survives
 * execv(), and libckpt's constructor unblocks the signal when the handler is there.
 */
static void prepare_signal(void)
{
    int number = parse_signal(environment("CKPT_SIGNAL", "USR2"));
    sigset_t set;
    sigemptyset(&set);
    sigaddset(&set, number);
    sigprocmask(SIG_BLOCK, &set, NULL);
    set_variable("CKPT_SIGNAL", text_number((uint64_t)number, 10).digits); /* for the constructor: a number */
}

int main(int argc, char **argv)
{
    static struct evict evict = {.signal = SIGTERM};
    static struct times times;
    char path[PATH_MAX], checked[PATH_MAX];
    parse_options(argc, argv, &evict, &times);
    times_start_program(&times);
    if (!program_find(argv[optind], path))
        errx(EX_NOINPUT, "%s: no such program", argv[optind]);
    const char *problem = program_problem(strcpy(checked, path)) ?: page_size_problem();
    if (problem != NULL)
        errx(EX_DATAERR, "cannot checkpoint %s: %s %s", argv[optind], checked, problem);
    evict.checkpoint = parse_signal(environment("CKPT_SIGNAL", "USR2"));
    unsetenv("CKPT_EVICT"); /* of another ckpt's */
    if (evict.status != 0)
        evict_prepare(&evict, argv + optind);
    preload_library();
    prepare_signal();
    if (evict.status != 0)
        evict_fork(&evict);
    set_variable("CKPT_PID", text_number((uint64_t)getpid(), 10).digits);
    start_times_pass(&times);
    execv(path, argv + optind);
    err(EX_OSERR, "%s", path);
}
