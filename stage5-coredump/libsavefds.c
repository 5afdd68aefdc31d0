/*
 * libsavefds.c - what a core file lacks, written in the moment before it: which files are open, what each signal
 * does, and which memory will not be in it.  Preloaded (LD_PRELOAD=.../libsavefds.so), into a program that knows
 * nothing of it.
 *
 *     SIGQUIT    our handler: writes the text `filedescriptors` (fdtext.h, core_signals.c), in the working
 *                directory or where SAVEFDS_FILE says; sets SIGQUIT to its default; sends it again
 *     return     SIGQUIT was blocked while the handler ran; now it comes, and the kernel writes the core: at the
 *                program's own instruction, with none of our frames on the stack
 *
 * A program that handles SIGQUIT itself is not disturbed: then there is no text.
 */
#include "fdtext.h"
#include "files_save.h"
#include "handler_stack.h"
#include "image_signals.h"
#include "libc.h"
#include "own_stderr.h"
#include "proc_lines.h"

#define ROOM (48UL << 20) /* bytes of address space: a table with all that goes into one, and a line */

static char text_path[PATH_MAX];

/* Appends the lines of the signals to the text. */
static void write_signals(void)
{
    char line[160];
    long fd = sys_open(text_path, O_WRONLY | O_APPEND | O_CLOEXEC, 0);
    for (int i = 1; i <= SIGNALS && fd >= 0; i++) {
        struct kernel_sigaction action;
        if (i == SIGQUIT || sys_call(SYS_rt_sigaction, i, 0, (long)&action, 8) != 0 || action.handler == 0)
            continue;
        struct number number = text_number((uint64_t)i, 10), handler = text_number(action.handler, 16);
        struct number flags = text_number(action.flags, 16), restorer = text_number(action.restorer, 16);
        size_t length = text_join(line, sizeof line, "signal ", number.digits, " : ", handler.digits, " : ",
                                  flags.digits, " : ", restorer.digits, " : ", text_number(action.mask, 16).digits,
                                  "\n", NULL);
        if (sys_write((int)fd, line, length) != (long)length)
            say("libsavefds: ", text_path, ": the signals' actions cannot be written", NULL);
    }
    if (fd >= 0)
        sys_close((int)fd);
}

/* Is this one of the flags of a line "VmFlags: rd wr ..." (proc_pid_smaps(5))? */
static bool has_flag(const char *line, const char *flag)
{
    for (; *line != '\0'; line++)
        if (text_starts(line, flag))
            return true;
    return false;
}

/* One line of smaps: where a region is, or its flags, and then it may be one that is kept out of cores. */
static void look_at_line(const char *at, uint64_t *start, uint64_t *end, int fd)
{
    char text[160];
    if (text_starts(at, "VmFlags:") && has_flag(at, " dd") && !has_flag(at, " io") && !has_flag(at, " dp"))
        sys_write(fd, text, text_join(text, sizeof text, "# memory ", text_number(*start, 16).digits, "-",
                                      text_number(*end, 16).digits, " is not in the core\n", NULL));
    if ((*at < '0' || *at > '9') && (*at < 'a' || *at > 'f'))
        return;
    *start = text_parse(&at, 16);
    at++;
    *end = text_parse(&at, 16);
}

/* Appends what the program keeps out of cores; and, if smaps could be read to its end, that this is all. */
static void write_left_out(char *room, size_t size)
{
    static const char all[] = "# memory: that is all\n";
    uint64_t start = 0, end = 0;
    struct proc_lines lines;
    long fd = sys_open(text_path, O_WRONLY | O_APPEND | O_CLOEXEC, 0);
    if (fd >= 0 && proc_lines_open(&lines, "/proc/self/smaps", room, size) == 0) {
        for (const char *at; (at = proc_line(&lines)) != NULL;)
            look_at_line(at, &start, &end, (int)fd);
        if (proc_lines_close(&lines) == 0)
            sys_write((int)fd, all, sizeof all - 1);
    }
    if (fd >= 0)
        sys_close((int)fd);
}

/* In memory that is mapped for it and gone before the core is written. */
static int write_table(void)
{
    long memory = sys_mmap(0, ROOM, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
    if (sys_failed(memory)) {
        say("libsavefds: no memory to work in, so no ", text_path, NULL);
        return -ENOMEM;
    }
    struct fd_view *view = (struct fd_view *)memory; // NOLINT: an address becomes a pointer here
    struct open_file_table *table = (struct open_file_table *)(view + 1);
    if (files_fill(table, ROOM - sizeof *view, view, NULL) >= 0 &&
        fdtext_write(table, text_path, view->info, sizeof view->info) == 0)
        write_signals();
    write_left_out((char *)memory, ROOM); // NOLINT: an address becomes a pointer here
    sys_munmap((uint64_t)memory, ROOM);
    return 0;
}

static void on_quit(int number)
{
    struct kernel_sigaction standard = {0};
    handler_stack_call(write_table);
    sys_call(SYS_rt_sigaction, SIGQUIT, (long)&standard, 0, 8);
    sys_call(SYS_kill, sys_getpid(), SIGQUIT, 0, 0);
}

__attribute__((constructor)) static void libsavefds_start(void)
{
    struct sigaction action = {.sa_handler = on_quit, .sa_flags = SA_RESTART}, before;
    const char *name = environment("SAVEFDS_FILE", FDTEXT_DEFAULT);
    char directory[PATH_MAX] = "";
    if (*name != '/' && getcwd(directory, sizeof directory - 1) != NULL)
        strcat(directory, "/");
    text_join(text_path, sizeof text_path, directory, name, NULL);
    sigfillset(&action.sa_mask);
    own_stderr_note(false);
    if (sigaction(SIGQUIT, NULL, &before) != 0 || before.sa_handler != SIG_DFL)
        return; /* a shell's `prog &` ignores it */
    if (sigaction(SIGQUIT, &action, NULL) == 0)
        handler_stack_use(SIGQUIT);
}
