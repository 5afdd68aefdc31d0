/* openfiles.c: opens and uses files as its arguments say, one command each, in their order:
 *
 *     open N PATH FLAGS    at descriptor N; FLAGS: r w u(pdate) a(ppend) c(reate) t(runcate) x (close-on-exec)
 *                          n(onblock) d(irectory) l (not a symbolic link) m (O_TMPFILE; PATH: the folder)
 *     dup N M              M is N once more            close N
 *     read N COUNT         says what it read           write N TEXT       with a newline
 *     seek N OFFSET        pos N, flags N, lowest      says the offset; the status flags; the lowest free number
 *     fill N MIB           writes so much              sum N              says size and hash of the whole file
 *     next N               some names of a directory   remove PATH        rename OLD NEW
 *     put PATH TEXT        stdio: opens at the first, keeps the text in its buffer, and says nothing
 *     flush                writes it                   socket N           a pair of them, at N and N + 1
 *     many FIRST LAST PATH opens it so many times      no-kcmp            kcmp(2) is refused from here on
 *     raw, termios         a terminal's settings       gate N             see program.h
 *     await-winch          waits for SIGWINCH
 */
#define _GNU_SOURCE
#include "program.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/audit.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <termios.h>
#include <unistd.h>

static FILE *stream;
static volatile sig_atomic_t winches;

static void on_winch(int number)
{
    (void)number;
    winches = 1;
}

static void fail(const char *what)
{
    say("%s: %s", what, strerror(errno));
}

static void move_to(int fd, int number, int flags)
{
    if (fd < 0)
        fail("open");
    else if (fd != number) {
        dup3(fd, number, flags & O_CLOEXEC);
        close(fd);
    }
}

static int flags_of(const char *letters)
{
    static const struct { char letter; int flag; } table[] = {
        { 'w', O_WRONLY }, { 'u', O_RDWR }, { 'a', O_APPEND }, { 'c', O_CREAT }, { 't', O_TRUNC },
        { 'x', O_CLOEXEC }, { 'n', O_NONBLOCK }, { 'd', O_DIRECTORY }, { 'l', O_NOFOLLOW },
        { 'm', O_TMPFILE },
    };
    int flags = O_RDONLY;

    for (size_t i = 0; i < sizeof table / sizeof *table; i++)
        if (strchr(letters, table[i].letter))
            flags |= table[i].flag;
    return flags;
}

static void command_open(int n, const char *rest)
{
    char path[512] = "", letters[16] = "";

    sscanf(rest, "%511s %15s", path, letters);
    move_to(open(path, flags_of(letters), 0644), n, flags_of(letters));
}

static void command_many(int first, const char *rest)
{
    char path[512] = "";
    int last = first;

    sscanf(rest, "%d %511s", &last, path);
    for (int n = first; n <= last; n++)
        move_to(open(path, O_RDONLY), n, 0);
}

static void command_read(int n, const char *rest)
{
    char text[256] = "";

    if (read(n, text, (size_t)atoi(rest)) < 0)
        fail("read");
    for (char *newline; (newline = strchr(text, '\n'));)
        *newline = '/';
    say("read %d %s", n, text);
}

static void command_write(int n, const char *rest)
{
    if (dprintf(n, "%s\n", rest) < 0)
        fail("write");
}

static void command_fill(int n, const char *rest)
{
    static char block[1 << 20];

    for (size_t i = 0; i < sizeof block; i++)
        block[i] = (char)(i * 2654435761u >> 13);
    for (int i = atoi(rest); i > 0; i--)
        if (write(n, block, sizeof block) != sizeof block)
            fail("fill");
}

/* The offset stays where it is. */
static void command_sum(int n, const char *rest)
{
    uint64_t hash = 0, at = 0;
    unsigned char block[4096];
    ssize_t size;

    (void)rest;
    while ((size = pread(n, block, sizeof block, (off_t)at)) > 0) {
        for (ssize_t i = 0; i < size; i++)
            hash = mix(hash, block[i]);
        at += (uint64_t)size;
    }
    say("sum %d %lu %016lx", n, at, hash);
}

static void command_next(int n, const char *rest)
{
    char entries[64], text[128] = "";
    long size = syscall(SYS_getdents64, n, entries, sizeof entries);

    (void)rest;
    for (long at = 0; at < size;) { /* struct linux_dirent64, getdents(2) */
        unsigned short length;
        memcpy(&length, entries + at + 16, sizeof length);
        strcat(strcat(text, " "), entries + at + 19);
        at += length;
    }
    say("next%s", text);
}

static void command_put(int n, const char *rest)
{
    char path[512] = "";
    int length = 0;

    (void)n;
    sscanf(rest, "%511s %n", path, &length);
    if (!stream && !(stream = fopen(path, "w")))
        fail("put");
    else
        fputs(rest + length, stream);
}

static void command_socket(int n, const char *rest)
{
    int ends[2];

    (void)rest;
    if (socketpair(AF_UNIX, SOCK_STREAM, 0, ends))
        fail("socket");
    move_to(ends[1], n + 1, 0);
    move_to(ends[0], n, 0);
}

static void command_no_kcmp(int n, const char *rest)
{
    struct sock_filter code[] = {
        BPF_STMT(BPF_LD | BPF_W | BPF_ABS, 0), /* struct seccomp_data: its number */
        BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, SYS_kcmp, 0, 1),
        BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ERRNO | EPERM),
        BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW),
    };
    struct sock_fprog program = { sizeof code / sizeof *code, code };

    (void)n, (void)rest;
    prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0);
    if (prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &program))
        fail("no-kcmp");
}

static void command_raw(int n, const char *rest)
{
    struct termios settings;

    (void)n, (void)rest;
    signal(SIGWINCH, on_winch);
    tcgetattr(0, &settings);
    cfmakeraw(&settings);
    settings.c_cc[VMIN] = 3;
    tcsetattr(0, TCSANOW, &settings);
}

static void command_termios(int n, const char *rest)
{
    struct termios settings = { 0 };

    (void)n, (void)rest;
    tcgetattr(0, &settings);
    say("termios canonical %d echo %d min %d", !!(settings.c_lflag & ICANON), !!(settings.c_lflag & ECHO),
        settings.c_cc[VMIN]);
}

static void command_winch(int n, const char *rest)
{
    (void)n, (void)rest;
    while (!winches)
        usleep(1000);
    say("winch");
}

static void command_lowest(int n, const char *rest)
{
    int fd = open("/dev/null", O_RDONLY);

    (void)n, (void)rest;
    say("lowest %d", fd);
    close(fd);
}

static void command_rename(int n, const char *rest)
{
    char from[512] = "", to[512] = "";

    (void)n;
    if (sscanf(rest, "%511s %511s", from, to) != 2 || rename(from, to))
        fail("rename");
}

static void command_remove(int n, const char *rest)
{
    (void)n;
    if (unlink(rest))
        fail("remove");
}

static void command_flush(int n, const char *rest)
{
    (void)n, (void)rest;
    if (!stream || fclose(stream))
        fail("flush");
}

static void command_dup(int n, const char *rest)
{
    if (dup2(n, atoi(rest)) < 0)
        fail("dup");
}

static void command_close(int n, const char *rest)
{
    (void)rest;
    if (close(n))
        fail("close");
}

static void command_seek(int n, const char *rest)
{
    if (lseek(n, atol(rest), SEEK_SET) < 0)
        fail("seek");
}

static void command_pos(int n, const char *rest)
{
    (void)rest;
    say("pos %d %ld", n, (long)lseek(n, 0, SEEK_CUR));
}

static void command_flags(int n, const char *rest)
{
    (void)rest;
    say("flags %d %o %d", n, (unsigned)fcntl(n, F_GETFL), fcntl(n, F_GETFD));
}

static void command_gate(int n, const char *rest)
{
    (void)rest;
    gate(n);
}

/* With a number in front of what the command gets, or without. */
static const struct command { const char *name; int has_number; void (*run)(int, const char *); } commands[] = {
    { "open", 1, command_open }, { "many", 1, command_many }, { "dup", 1, command_dup }, { "close", 1, command_close },
    { "read", 1, command_read }, { "write", 1, command_write }, { "seek", 1, command_seek }, { "pos", 1, command_pos },
    { "flags", 1, command_flags }, { "fill", 1, command_fill }, { "sum", 1, command_sum }, { "next", 1, command_next },
    { "socket", 1, command_socket }, { "gate", 1, command_gate }, { "put", 0, command_put },
    { "flush", 0, command_flush }, { "lowest", 0, command_lowest }, { "remove", 0, command_remove },
    { "rename", 0, command_rename }, { "no-kcmp", 0, command_no_kcmp }, { "raw", 0, command_raw },
    { "termios", 0, command_termios }, { "await-winch", 0, command_winch },
};

static void run(const char *line)
{
    char name[16] = "";
    int length = 0, number = 0;

    sscanf(line, "%15s%n", name, &length);
    line += length + (line[length] == ' ');
    for (size_t i = 0; i < sizeof commands / sizeof *commands; i++)
        if (strcmp(commands[i].name, name) == 0) {
            if (commands[i].has_number && sscanf(line, "%d%n", &number, &length) == 1)
                line += length + (line[length] == ' ');
            commands[i].run(number, line);
            return;
        }
    say("no such command: %s", name);
}

int main(int argc, char **argv)
{
    START();
    for (int i = 1; i < argc; i++)
        run(argv[i]);
    return finish();
}
