/*
 * evict.c - the parent of a job that can be asked to leave: ckpt's or restart's.  evict.h.  Given.
 *
 * It shows whoever waits for it what the job would have shown: the job's exit status or signal, its stops; and it
 * passes on what is sent to it.  It is in the job's process group, so the terminal is the job's as well, and what
 * is typed there reaches both: that is not passed on.
 */
#include "evict.h"
#include "libc.h"

#include <sys/prctl.h>
#include <sys/wait.h>

/* The terminal's process group is ours: who waits for us wants to know that the job has stopped, whoever did it. */
static bool in_foreground(void)
{
    int fd = open("/dev/tty", O_RDONLY | O_NOCTTY | O_CLOEXEC);
    bool ours = fd >= 0 && tcgetpgrp(fd) == getpgrp();
    close(fd);
    return ours;
}

/* We stop as well, until somebody continues us.  A job that is stopped behind our back (SIGSTOP) is his affair. */
static void stop_too(pid_t child, int signal)
{
    if (signal == SIGSTOP && !in_foreground())
        return;
    raise(SIGSTOP);
    kill(child, SIGCONT);
}

/* Before it is reaped, who has ended has a name still. */
static bool has_left(pid_t child)
{
    char path[64], name[32] = "";
    snprintf(path, sizeof path, "/proc/%d/comm", child);
    FILE *file = fopen(path, "re");
    if (file == NULL || fgets(name, sizeof name, file) == NULL)
        name[0] = '\0';
    if (file != NULL)
        fclose(file);
    return strcmp(name, EVICTED "\n") == 0;
}

/*
 * It ended by itself: what would go on is not wanted any more.  After a signal it is, and after a status that
 * may be restart's own, who did not get so far.
 */
static void remove_image(const struct evict *evict, int status)
{
    if (evict->restarted && (status == EX_DATAERR || status == EX_NOINPUT || status == EX_OSERR))
        warnx("%s stays: exit status %d may be restart's own", evict->image, status);
    else if (evict->image[0] != '\0' && unlink(evict->image) != 0 && errno != ENOENT)
        warn("%s", evict->image);
}

/* The core file, if there is one, is the job's. */
__attribute__((noreturn)) static void die_by(int number)
{
    sigset_t set;
    prctl(PR_SET_DUMPABLE, 0);
    signal(number, SIG_DFL);
    sigemptyset(&set);
    sigaddset(&set, number);
    raise(number);
    sigprocmask(SIG_UNBLOCK, &set, NULL);
    exit(128 + number);
}

__attribute__((noreturn)) static void end_too(const struct evict *evict, pid_t child)
{
    siginfo_t end;
    bool left = has_left(child);
    if (waitid(P_PID, (id_t)child, &end, WEXITED) != 0)
        err(EX_OSERR, "waitid");
    if (end.si_code != CLD_EXITED)
        die_by(end.si_status);
    if (left && end.si_status == 0)
        exit(evict->status);
    if (evict->resume)
        remove_image(evict, end.si_status);
    exit(end.si_status);
}

/* SIGCHLD: one may stand for several changes. */
static void look_at(const struct evict *evict, pid_t child)
{
    siginfo_t now = {0};
    while (waitid(P_PID, (id_t)child, &now, WEXITED | WSTOPPED | WNOHANG | WNOWAIT) == 0 && now.si_pid == child) {
        if (now.si_code != CLD_STOPPED && now.si_code != CLD_TRAPPED)
            end_too(evict, child);
        waitid(P_PID, (id_t)child, &now, WSTOPPED | WNOHANG);
        if (now.si_code == CLD_STOPPED && !evict->stopped)
            stop_too(child, now.si_status);
        now.si_pid = 0;
    }
}

/* Each time anew: a checkpoint that failed may succeed later. */
static void ask(const struct evict *evict, pid_t child)
{
    prctl(PR_SET_NAME, EVICTING); /* before the signal: the job looks for it */
    kill(child, evict->checkpoint);
}

static void pass_on(pid_t child, const siginfo_t *got)
{
    static const int of_terminal[] = {SIGHUP, SIGINT, SIGQUIT, SIGTSTP, SIGTTIN, SIGTTOU, SIGWINCH, SIGCONT};
    for (size_t i = 0; got->si_code > 0 && i < sizeof of_terminal / sizeof *of_terminal; i++)
        if (got->si_signo == of_terminal[i]) /* the kernel sent it to the whole group */
            return;
    if (got->si_code == SI_QUEUE)
        sigqueue(child, got->si_signo, got->si_value);
    else
        kill(child, got->si_signo);
}

/* A pipe that we hold open would not end when the job closes it.  Our messages go to 2. */
static void close_files(void)
{
    int null = open("/dev/null", O_RDWR | O_CLOEXEC);
    for (int fd = 0; fd < 2 && null >= 0; fd++)
        if (fd != null)
            dup2(null, fd);
    closefrom(3);
}

__attribute__((noreturn)) static void watch(const struct evict *evict, pid_t child)
{
    siginfo_t got;
    sigset_t all;
    sigfillset(&all);
    close_files();
    for (;;) {
        int number = sigwaitinfo(&all, &got);
        if (number == SIGCHLD)
            look_at(evict, child);
        else if (number > 0 && number == evict->signal)
            ask(evict, child);
        else if (number > 0)
            pass_on(child, &got);
    }
}

/*
 * All signals are blocked here, and in the child until it is the job: they wait.  If we are killed, the job is as
 * well: the same command, given again, must not meet it.
 */
void evict_fork(const struct evict *evict)
{
    struct sigaction before, plain = {.sa_handler = SIG_DFL};
    sigaction(SIGCHLD, &plain, &before); /* who ignores it cannot wait */
    pid_t parent = getpid(), child = fork();
    if (child < 0)
        err(EX_OSERR, "fork");
    if (child > 0)
        watch(evict, child);
    sigaction(SIGCHLD, &before, NULL);
    prctl(PR_SET_PDEATHSIG, SIGKILL);
    if (getppid() != parent)
        raise(SIGKILL);
    sigprocmask(SIG_SETMASK, &evict->mask, NULL);
}
