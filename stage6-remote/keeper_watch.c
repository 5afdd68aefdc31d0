/*
 * keeper_watch.c - ends a job that nobody serves any more.
 *
 * A clean end of the stream says that the shadow is gone; a network that is gone says nothing.  So the shadow sends
 * PING when it has nothing else to send, and each sign of it winds up an alarm clock.  It rings wherever the keeper
 * is, also while it reads half a frame or writes.
 */
#include "keeper.h"
#include "text.h"

#include <sys/wait.h>

static volatile pid_t watched; /* the job */

/* A signal handler: kill(2), write(2) and _exit(2) are async-signal-safe. */
static void on_alarm(int number)
{
    if (watched > 0)
        kill(watched, SIGKILL);
    say("restart --remote: nothing comes from the shadow any more; its job is killed", NULL);
    _exit(EX_TEMPFAIL);
}

void watch_start(pid_t job)
{
    watched = job;
    signal(SIGALRM, on_alarm);
}

void watch_sign(void)
{
    alarm(LOST_SECONDS);
}

void watch_stop(void)
{
    alarm(0);
}

void watch_lost(int status, const char *format, ...)
{
    va_list list;
    if (watched > 0)
        kill(watched, SIGKILL);
    va_start(list, format);
    fprintf(stderr, "restart --remote: ");
    vfprintf(stderr, format, list);
    fputc('\n', stderr);
    va_end(list);
    exit(status);
}
