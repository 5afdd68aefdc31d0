/*
 * shadow_command.c - the way to the other machine: COMMAND, as rsync does it.  What it reads and writes is the
 * connection; no port is opened, and ssh is who lets people in.  Its standard error is ours.
 */
#include "shadow.h"
#include "libc.h"

#include <sys/wait.h>

#define PIPE_LEAST (2 * (int)FRAME_MAX) /* bytes: a frame is written at once, and who reads it wakes up once */
#define PIPE_ROOM (1 << 20)             /* some frames of an image: both sides work at a time */

/*
 * Signals that a terminal sends go to all who read from it, so COMMAND gets them, too; but they are the job's, and
 * ssh must not die of them.  Ignored signals stay ignored across execve(2).  (A process group of its own would do
 * the same, but then ssh could not ask for a password.)
 */
static void child_signals(void)
{
    static const int ignored[] = {SIGINT, SIGQUIT, SIGTSTP, SIGHUP, SIGTTIN, SIGTTOU};
    for (size_t i = 0; i < sizeof ignored / sizeof *ignored; i++)
        signal(ignored[i], SIG_IGN);
    signal(SIGPIPE, SIG_DFL);
    signal(SIGUSR2, SIG_DFL);
    sigprocmask(SIG_SETMASK, &shadow.mask, NULL);
}

__attribute__((noreturn)) static void become(const char *command, const char *restart, int in, int out)
{
    char *script = NULL;
    if (command != NULL && asprintf(&script, "%s \"$@\"", command) < 0)
        err(EX_OSERR, "%s", command);
    if (dup2(in, STDIN_FILENO) < 0 || dup2(out, STDOUT_FILENO) < 0 || dup2(shadow.messages, STDERR_FILENO) < 0)
        err(EX_OSERR, "dup2");
    child_signals();
    umask(shadow.umask);
    if (fchdir(shadow.folder) != 0) /* where the job is now, a relative COMMAND or RESTART leads elsewhere */
        err(EX_OSERR, "the start directory");
    if (command != NULL)
        execl("/bin/sh", "sh", "-c", script, "sh", restart, "--remote", (char *)NULL);
    else
        execl(restart, restart, "--remote", (char *)NULL);
    warn("%s", command != NULL ? "/bin/sh" : restart);
    _exit(127);
}

/* As much as we may have (pipe(7): each user has a limit).  If not: slower. */
static void give_room(int pipe)
{
    if (fcntl(pipe, F_SETPIPE_SZ, PIPE_ROOM) < 0)
        fcntl(pipe, F_SETPIPE_SZ, PIPE_LEAST);
}

void command_start(const char *command, const char *restart)
{
    int there[2], back[2];
    if (pipe2(there, O_CLOEXEC) != 0 || pipe2(back, O_CLOEXEC) != 0)
        err(EX_OSERR, "pipe");
    fflush(NULL);
    shadow.command = fork();
    if (shadow.command < 0)
        err(EX_OSERR, "fork");
    if (shadow.command == 0)
        become(command, restart, there[0], back[1]);
    close(there[0]);
    close(back[1]);
    shadow.in = back[0];
    shadow.out = there[1];
    fcntl(shadow.in, F_SETFL, O_NONBLOCK); /* these ends of the pipes are ours alone */
    fcntl(shadow.out, F_SETFL, O_NONBLOCK);
    give_room(shadow.in);
    give_room(shadow.out);
}

/* Has this COMMAND ended?  Waits for it. */
static bool has_ended(pid_t command, int *status, int seconds)
{
    struct timespec patience = {.tv_sec = seconds};
    sigset_t set;
    sigemptyset(&set);
    sigaddset(&set, SIGCHLD);
    sigprocmask(SIG_BLOCK, &set, NULL);
    for (;;) {
        pid_t got = waitpid(command, status, WNOHANG);
        if (got == command || (got < 0 && errno != EINTR))
            return got == command;
        if (sigtimedwait(&set, NULL, &patience) < 0 && errno == EAGAIN)
            return waitpid(command, status, WNOHANG) == command;
    }
}

/* Waits for one, but not for ever; then it is asked to end. */
static int end_of(pid_t command)
{
    int status = -1;
    if (!has_ended(command, &status, HEARTBEAT_SECONDS)) {
        kill(command, SIGTERM);
        if (!has_ended(command, &status, 1))
            status = -1;
    }
    return status;
}

static pid_t left; /* the COMMAND of a life that has ended well; 0: there is none, or it has ended */

void command_look(void)
{
    if (left != 0 && waitpid(left, NULL, WNOHANG) != 0)
        left = 0;
}

static void disconnect(pid_t leaves)
{
    close(shadow.out);
    close(shadow.in);
    shadow.in = shadow.out = -1;
    if (left != 0)
        end_of(left);
    left = leaves;
}

void command_leave(void)
{
    disconnect(shadow.command);
}

int command_end(void)
{
    disconnect(0);
    return end_of(shadow.command);
}
