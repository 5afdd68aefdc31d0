/* shortio.c: run a command whose reads and writes are short: of those that move 32 KiB or more, the kernel
 * moves two thirds of what was asked for, as it may (read(2), write(2): NOTES). And the second of each kind is interrupted.
 * usage: shortio COMMAND [ARGUMENT]...
 * The command has this process's pid. A grandchild traces it (ptrace(2)) and lessens the size at the entry
 * of each such system call. Where tracing is not allowed the command runs as usual. */
#include <elf.h>
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <sys/prctl.h>
#include <sys/ptrace.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <sys/user.h>
#include <sys/wait.h>
#include <unistd.h>

#define LEAST 32768

#ifdef __x86_64__
#define NUMBER(registers) ((registers).orig_rax)
#define SIZE(registers)   ((registers).rdx)
#define ANSWER(registers) ((registers).rax)
#else
#define NUMBER(registers) ((registers).regs[8])
#define SIZE(registers)   ((registers).regs[2])
#define ANSWER(registers) ((registers).regs[0])
#endif

static int moves_bytes(long number)
{
    return number == SYS_read || number == SYS_write || number == SYS_pread64 || number == SYS_pwrite64;
}

static int is_second(long number)
{
    static unsigned long times[64];

    return ++times[number % 64] == 2; /* the four have different ones */
}

/* At entry and at exit of a system call; the program must find its own register again. An interrupted one moves
 * nothing: its size is 0. */
static void at_system_call(pid_t pid)
{
    static unsigned long asked;
    static int inside, interrupted;
    struct user_regs_struct r;
    struct iovec all = { &r, sizeof r };

    ptrace(PTRACE_GETREGSET, pid, NT_PRSTATUS, &all);
    inside = !inside;
    if (inside && moves_bytes((long)NUMBER(r)) && SIZE(r) >= LEAST) {
        asked = SIZE(r);
        interrupted = is_second((long)NUMBER(r));
        SIZE(r) = interrupted ? 0 : asked / 3 * 2;
    } else if (!inside && asked) {
        SIZE(r) = asked;
        if (interrupted)
            ANSWER(r) = (unsigned long)-EINTR;
        asked = 0;
    } else
        return;
    ptrace(PTRACE_SETREGSET, pid, NT_PRSTATUS, &all);
}

static void trace(pid_t pid, int ready)
{
    int status;

    if (ptrace(PTRACE_SEIZE, pid, 0, PTRACE_O_TRACESYSGOOD | PTRACE_O_EXITKILL) == 0) /* who kills this one ends, too */
        ptrace(PTRACE_INTERRUPT, pid, 0, 0);
    close(ready);
    while (waitpid(pid, &status, __WALL) == pid && WIFSTOPPED(status)) {
        int signal = WSTOPSIG(status);
        if (signal == (SIGTRAP | 0x80))
            at_system_call(pid);
        ptrace(PTRACE_SYSCALL, pid, 0, signal == (SIGTRAP | 0x80) || status >> 16 ? 0 : signal);
    }
}

int main(int argc, char **argv)
{
    int pipes[2];
    char byte;
    pid_t pid = getpid();

    if (argc < 2 || pipe(pipes) != 0)
        return 64;
    prctl(PR_SET_PTRACER, PR_SET_PTRACER_ANY, 0, 0, 0);
    if (fork() == 0) {
        close(pipes[0]);
        if (fork() == 0)
            trace(pid, pipes[1]);
        _exit(0);
    }
    close(pipes[1]);
    wait(NULL);
    if (read(pipes[0], &byte, 1) == 0)
        execvp(argv[1], argv + 1);
    perror(argv[1]);
    return 71;
}
