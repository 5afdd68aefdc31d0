/*
 * shadow_terminal.c - what we owe the terminal: its settings, when a job is lost that has changed them; and to stop
 * when we are in the background, as any program.
 *
 *     shadow        a call of the job's reads from the terminal, in the background: SIGTTIN.  A handler, EINTR
 *     -> job        SIGSTOP; its keeper knows then that no heartbeat comes for a while
 *     <- job        STOPPED: we stop ourselves, and whoever started us sees it
 *     SIGCONT       goes to the job; the call is made again
 *
 * If we just stopped there would be no heartbeats, and the keeper would kill a job that is well.
 */
#include "shadow.h"
#include "libc.h"

#include <termios.h>

static int terminal = -1; /* a descriptor of our own: the job can close 0, 1 and 2 */
static struct termios found;
static volatile sig_atomic_t in_background;

static void on_background(int number)
{
    (void)number;
    in_background = 1;
}

/* What is ignored stays so: then the kernel says EIO, as to any program. */
static void watch_signal(int number)
{
    struct sigaction action = {.sa_handler = on_background}, old; /* no SA_RESTART */
    if (sigaction(number, NULL, &old) == 0 && old.sa_handler != SIG_IGN)
        sigaction(number, &action, NULL);
}

void terminal_begin(void)
{
    for (int fd = 0; fd <= STDERR_FILENO && terminal < 0; fd++)
        if (tcgetattr(fd, &found) == 0)
            terminal = fcntl(fd, F_DUPFD_CLOEXEC, 3);
    watch_signal(SIGTTIN);
    watch_signal(SIGTTOU);
}

/* In the background the settings are somebody else's now: a shell reads its next line with them. */
void terminal_restore(void)
{
    if (terminal >= 0 && tcgetpgrp(terminal) == getpgrp())
        tcsetattr(terminal, TCSANOW, &found);
}

bool terminal_refused(void)
{
    bool was = in_background;
    in_background = 0;
    return was;
}
