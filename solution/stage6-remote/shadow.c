/*
 * ckpt-shadow - runs a program on another machine, with the files of this one.
 *
 * The program is saved here before its main() begins; the image runs there; each of its calls that has to do with
 * files comes back, and is made by this process.  So all its files are ours: paths, working directory, umask,
 * standard streams, locks; and its exit status.  Its memory, its time and its processor are the other machine's.
 */
#include "shadow.h"
#include "libc.h"
#include "path_rules.h"
#include "portable.h"
#include "program.h"
#include "serve.h"
#include "serve_paths.h"
#include "since.h"
#include "text.h"

#define COMMANDS_MOST 64

static const char usage[] =
    "Usage: ckpt-shadow [-e COMMAND]... [-i SECONDS] [--force] [--allow PATH]... [--restart PATH]\n"
    "                   [--keep-image FILE] [--portable[=LEVEL]] [-v] [--] PROG [ARGS...]\n"
    "       ckpt-shadow --rules [--allow PATH]... [PROG [ARGS...]]\n"
    "Run PROG on another machine; its files are those of this one, and so are its standard streams, its\n"
    "working directory, the signals that you type, and its exit status.  The other machine needs `restart-static`\n"
    "and /proc, and none of PROG's files.\n\n"
    "  -e COMMAND      leads to the other machine: COMMAND RESTART --remote is run by sh, and what it reads and\n"
    "                  writes is the connection.  Without -e the job runs on this machine.  With several,\n"
    "                  `kill -USR2` of ckpt-shadow makes the job save itself, and the next COMMAND runs it; after\n"
    "                  the last the first.  SIGTERM to `restart --remote` there does the same.  When a machine is\n"
    "                  lost, the next one runs the job from its last image, if what it changed since can be taken\n"
    "                  back: files that grew are cut back, new ones removed\n"
    "  -i SECONDS      the job saves itself so often, and goes on where it was: less is done twice when a machine\n"
    "                  is lost\n"
    "  --force         go on from the last image also when something cannot be taken back\n"
    "  --restart PATH  where restart is on the other machine (default: restart-static beside ckpt-shadow)\n"
    "  --allow PATH    the job may also read and change PATH, and all in it\n"
    "  --rules         show what the job may use here, and what stays on the other machine; run nothing\n"
    "  --keep-image FILE  whenever the job has saved itself, its image is written to FILE, too (readckpt, gdb)\n"
    "  --portable[=LEVEL]  as in ckpt, whose help names the levels: PROG can go to machines that have less than\n"
    "                  this one\n"
    "  -v              say where each life begins, and that an image is kept; name each file that the job was\n"
    "                  not allowed to use\n\n"
    "The job may read the system's folders (/usr, /lib, /bin, /sbin, /etc, /opt) and PROG's installation.  It may\n"
    "read and change the working directory, files and folders that ARGS name (also as --opt=PATH, but not /),\n"
    "$TMPDIR or /tmp (neither of them if it is /), and what --allow says.  All else is \"Permission denied\" for\n"
    "it, wherever links lead, and so is what lies in this machine's /proc, always.\n\n"
    "Examples:\n"
    "  ckpt-shadow -e 'ssh other' --restart /opt/ckptlab/restart-static sort -o sorted words\n"
    "  ckpt-shadow -e 'ssh one' -e 'ssh two' --allow /data python3 simulate.py\n\n"
    "Exit status: PROG's own (killed by a signal: so is ckpt-shadow); 64 wrong usage; 65 PROG cannot be saved;\n"
    "66 no PROG; 71 the job could not be started there; 75 the job is lost: the connection broke, or the other\n"
    "machine is silent; 76 what came from the other machine is wrong, or it does not fit.\n";

static const char *commands[COMMANDS_MOST]; /* -e */
static int command_count;
static bool want_rules, force;

static void add_command(const char *command)
{
    if (command_count == COMMANDS_MOST)
        errx(EX_USAGE, "-e: %d machines at most", COMMANDS_MOST);
    commands[command_count++] = command;
}

static void add_allowed(const char *path)
{
    if (!allow_add(path, true))
        err(EX_NOINPUT, "--allow %s", path);
}

static unsigned seconds_of(const char *text)
{
    char *end;
    unsigned long seconds = strtoul(text, &end, 10);
    if (digit_value(*text) > 9 || *end != '\0' || seconds == 0 || seconds > 1000000)
        errx(EX_USAGE, "-i %s: must be a number of seconds, from 1 on", text);
    return (unsigned)seconds;
}

static void parse_options(int argc, char **argv)
{
    static const struct option long_options[] = {{"help", no_argument, NULL, 'h'},
                                                 {"allow", required_argument, NULL, 'a'},
                                                 {"restart", required_argument, NULL, 'r'},
                                                 {"keep-image", required_argument, NULL, 'k'},
                                                 {"force", no_argument, NULL, 'f'},
                                                 {"rules", no_argument, NULL, 'R'},
                                                 {"portable", optional_argument, NULL, 'P'},
                                                 {0}};
    int option;
    while ((option = getopt_long(argc, argv, "+e:i:vh", long_options, NULL)) != -1) {
        switch (option) {
        case 'e': add_command(optarg); break;
        case 'a': add_allowed(optarg); break;
        case 'r': shadow.restart = optarg; break;
        case 'k': keep_image_in(optarg); break;
        case 'i': image_interval = seconds_of(optarg); break;
        case 'f': force = true; break;
        case 'R': want_rules = true; break;
        case 'P': portable_prepare(optarg); break;
        case 'v': shadow.verbose = true; break;
        default: usage_exit(usage, option == 'h');
        }
    }
    if (optind == argc && !want_rules)
        usage_exit(usage, false);
    if (shadow.restart == NULL)
        shadow.restart = beside_us("restart-static");
    shadow.machines = commands;
    shadow.machine_count = command_count;
}

static void print_rules(void)
{
    printf("The job may use these files of this machine, and all in them; links are followed within this list:\n");
    allow_print();
    printf("These are the other machine's:\n");
    for (const struct path_rule *rule = path_rules; rule->prefix != NULL; rule++)
        printf("  %-24s %s\n", rule->prefix, rule->why);
}

/* What we need before anything else: numbers that the job can never close, and memory for frames. */
static void prepare(void)
{
    serve_start();
    shadow.messages = fcntl(STDERR_FILENO, F_DUPFD_CLOEXEC, 3);
    shadow.data = malloc(FRAME_MAX + 1);
    shadow.call_data = malloc(FRAME_MAX + 1);
    if (shadow.messages < 0 || shadow.data == NULL || shadow.call_data == NULL)
        err(EX_OSERR, "it cannot begin");
    signal(SIGPIPE, SIG_IGN); /* a connection that breaks is an error of write(2) */
    signal(SIGUSR2, SIG_IGN); /* "move" before there is an image; later it is held, and read */
    sigprocmask(SIG_SETMASK, NULL, &shadow.mask);
    shadow.folder = open(".", O_PATH | O_DIRECTORY | O_CLOEXEC);
    shadow.umask = umask(0);
    umask(shadow.umask);
    terminal_begin();
}

int main(int argc, char **argv)
{
    char path[PATH_MAX], checked[PATH_MAX];
    sigset_t move;
    sigemptyset(&move);
    prepare();
    parse_options(argc, argv);
    if (optind < argc && !program_find(argv[optind], path))
        errx(EX_NOINPUT, "%s: no such program", argv[optind]);
    allow_for(optind < argc ? path : NULL, argv + optind);
    if (want_rules) {
        print_rules();
        return EX_OK;
    }
    const char *problem = program_problem(strcpy(checked, path));
    if (problem != NULL)
        errx(EX_DATAERR, "cannot run %s elsewhere: %s %s", argv[optind], checked, problem);
    embryo_make(path, argv + optind);
    sigaddset(&move, SIGUSR2); /* from here on it waits until there is a job that can leave */
    sigprocmask(SIG_BLOCK, &move, NULL);
    if (command_count > 1) /* else nothing can begin again */
        since_image();
    for (int life = 1;; life++) {
        if (shadow.verbose)
            shadow_say("life %d begins: %s", life, command_count > 0 ? commands[shadow.machine]
                                                                     : "on this machine");
        life_start();
        if (shadow.end == GOES_ON)
            shadow_loop();
        if (shadow.end == JOB_LEFT)
            image_came();
        else if (!begin_again(command_count, force))
            shadow_finish();
        if (!shadow.stays && command_count > 0)
            shadow.machine = (shadow.machine + 1) % command_count;
    }
}
