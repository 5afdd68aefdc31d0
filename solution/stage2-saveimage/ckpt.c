/*
 * ckpt - runs a program so that it can be checkpointed: with libckpt.so preloaded.
 *
 * It becomes the program (execv), so the pid stays, and nobody stands between the program and its
 * terminal, its parent or its signals.
 */
#include "program.h"

#include <errno.h>
#include <getopt.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sysexits.h>
#include <unistd.h>

static const char usage[] =
    "Usage: ckpt [-o IMAGE] [-s SIGNAL] [-i SECONDS] [-v] [--] PROG [ARGS...]\n"
    "Run PROG so that it can be checkpointed.  `kill -USR2 PID` then writes its image; PROG goes on, and\n"
    "`restart IMAGE` brings it back to that moment.\n"
    "\n"
    "  -o IMAGE    the image's name; %p in it is the pid (default: $CKPT_IMAGE or myckpt)\n"
    "  -s SIGNAL   number or name of the checkpoint signal (default: USR2, 12)\n"
    "  -i SECONDS  take a checkpoint every SECONDS seconds as well\n"
    "  -v          say on stderr when an image is written\n"
    "  -h, --help  this text\n"
    "\n"
    "Environment: CKPT_IMAGE, CKPT_SIGNAL, CKPT_INTERVAL, CKPT_VERBOSE as above; CKPT_FULL=1 stores the\n"
    "pages of program and library files too, so that a restart does not need these files.\n"
    "Exit status: PROG's own; 64 wrong usage; 65 PROG cannot be checkpointed; 66 no PROG or libckpt.so;\n"
    "71 it could not be started.\n";

__attribute__((noreturn, format(printf, 2, 3))) static void fail(int status, const char *format, ...)
{
    va_list args;
    va_start(args, format);
    fputs("ckpt: ", stderr);
    vfprintf(stderr, format, args);
    fputc('\n', stderr);
    va_end(args);
    exit(status);
}

static void set_variable(const char *name, const char *value)
{
    if (setenv(name, value, 1) != 0)
        fail(EX_OSERR, "%s: %s", name, strerror(errno));
}

static void set_number(const char *name, long value)
{
    char text[24];
    snprintf(text, sizeof text, "%ld", value);
    set_variable(name, text);
}

/* A whole number from 1 to max, or -1. */
static long parse_number(const char *text, long max)
{
    char *end;
    errno = 0;
    long number = strtol(text, &end, 10);
    return errno == 0 && end != text && *end == '\0' && number >= 1 && number <= max ? number : -1;
}

static long parse_signal(const char *text)
{
    if (strncmp(text, "SIG", 3) == 0)
        text += 3;
    for (int number = 1; number < NSIG; number++) {
        const char *name = sigabbrev_np(number);
        if (name != NULL && strcmp(name, text) == 0)
            return number;
    }
    return parse_number(text, SIGRTMAX);
}

static void set_signal(const char *text)
{
    long number = parse_signal(text);
    if (number < 0 || number == SIGKILL || number == SIGSTOP)
        fail(EX_USAGE, "-s %s: not a signal that a program can handle (try USR2)", text);
    set_number("CKPT_SIGNAL", number);
}

static void parse_options(int argc, char **argv)
{
    static const struct option long_options[] = {{"help", no_argument, NULL, 'h'}, {0}};
    int option;
    long number;
    while ((option = getopt_long(argc, argv, "+o:s:i:vh", long_options, NULL)) != -1) {
        switch (option) {
        case 'o': set_variable("CKPT_IMAGE", optarg); break;
        case 's': set_signal(optarg); break;
        case 'i':
            number = parse_number(optarg, 1000000);
            if (number < 0)
                fail(EX_USAGE, "-i %s: not a number of seconds", optarg);
            set_number("CKPT_INTERVAL", number);
            break;
        case 'v': set_variable("CKPT_VERBOSE", "1"); break;
        case 'h': fputs(usage, stdout); exit(0);
        default: fputs(usage, stderr); exit(EX_USAGE);
        }
    }
}

/* libckpt.so lies beside ckpt; its name goes before those that the user preloads. */
static void preload_library(void)
{
    char self[PATH_MAX], library[PATH_MAX + 16], list[2 * PATH_MAX];
    ssize_t length = readlink("/proc/self/exe", self, sizeof self - 1);
    if (length < 0)
        fail(EX_OSERR, "/proc/self/exe: %s", strerror(errno));
    self[length] = '\0';
    *strrchr(self, '/') = '\0';
    snprintf(library, sizeof library, "%s/libckpt.so", self);
    if (access(library, R_OK) != 0)
        fail(EX_NOINPUT, "%s: %s; build it with make", library, strerror(errno));
    if (strpbrk(library, " :") != NULL)
        fail(EX_NOINPUT, "%s: LD_PRELOAD cannot name a path with a blank or a colon; move the lab", library);
    //@ step 2.1 Put libckpt.so into LD_PRELOAD.
    //@ The value is a list separated by colons (ld.so(8)): keep what the user has there already.
    //@ stub: (void)list;
    const char *others = getenv("LD_PRELOAD");
    bool any = others != NULL && *others != '\0';
    if (snprintf(list, sizeof list, "%s%s%s", library, any ? ":" : "", any ? others : "") >= (int)sizeof list)
        fail(EX_USAGE, "LD_PRELOAD is too long");
    set_variable("LD_PRELOAD", list);
    //@ end
}

/*
 * SIGUSR2 kills a program that has no handler yet.  A blocked signal waits instead; the mask survives
 * execv(), and libckpt's constructor unblocks the signal when the handler is there.
 */
static void block_signal(void)
{
    const char *value = getenv("CKPT_SIGNAL");
    long number = value != NULL && *value != '\0' ? parse_number(value, SIGRTMAX) : SIGUSR2;
    sigset_t set;
    if (number < 0)
        fail(EX_USAGE, "CKPT_SIGNAL=%s: not the number of a signal", value);
    sigemptyset(&set);
    sigaddset(&set, (int)number);
    sigprocmask(SIG_BLOCK, &set, NULL);
}

int main(int argc, char **argv)
{
    char path[PATH_MAX], why[2 * PATH_MAX];
    parse_options(argc, argv);
    if (optind == argc) {
        fputs(usage, stderr);
        return EX_USAGE;
    }
    if (!program_find(argv[optind], path))
        fail(EX_NOINPUT, "%s: %s", argv[optind], strerror(errno));
    if (!program_check(path, why, sizeof why))
        fail(EX_DATAERR, "cannot checkpoint it: %s", why);
    preload_library();
    set_number("CKPT_PID", getpid());
    block_signal();
    execv(path, argv + optind);
    fail(EX_OSERR, "%s: %s", path, strerror(errno));
}
