/* shadow_end.c - the end: the job's own, or what is known of a job that is lost. */
#include "shadow.h"
#include "libc.h"
#include "serve.h"

#include <sys/wait.h>

#define MESSAGE_MOST 4096 /* bytes of another machine's text, at once */

/* To the terminal, also from the background: with SIGTTOU blocked the kernel lets it through (tty_ioctl(4)). */
static void say(const char *text, size_t size)
{
    sigset_t set, before;
    sigemptyset(&set);
    sigaddset(&set, SIGTTOU);
    sigprocmask(SIG_BLOCK, &set, &before);
    ssize_t ignored = write(shadow.messages, text, size);
    (void)ignored;
    sigprocmask(SIG_SETMASK, &before, NULL);
}

void shadow_say(const char *format, ...)
{
    va_list list;
    char *text, *line;
    va_start(list, format);
    if (vasprintf(&text, format, list) >= 0) {
        int size = asprintf(&line, "ckpt-shadow: %s\n", text);
        if (size >= 0) {
            say(line, (size_t)size);
            free(line);
        }
        free(text);
    }
    va_end(list);
}

void shadow_pass_on(const char *text, size_t size)
{
    char safe[MESSAGE_MOST + 1];
    size_t length = size < MESSAGE_MOST ? size : MESSAGE_MOST;
    for (size_t i = 0; i < length; i++) {
        unsigned char c = (unsigned char)text[i];
        safe[i] = (c < ' ' && c != '\n' && c != '\t') || c == 0x7f ? '?' : text[i]; /* no "\033]0;..." */
    }
    if (length == 0 || safe[length - 1] != '\n')
        safe[length++] = '\n';
    say(safe, length);
}

/* The job was killed: so are we, by the same signal, without a core file that nobody asked for. */
static void die_as_it_did(int number)
{
    sigset_t set;
    setrlimit(RLIMIT_CORE, &(struct rlimit){0});
    signal(number, SIG_DFL);
    sigemptyset(&set);
    sigaddset(&set, number);
    raise(number);
    sigprocmask(SIG_UNBLOCK, &set, NULL);
}

static void say_last_state(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    double ago =
        (double)(now.tv_sec - shadow.last_time.tv_sec) + (double)(now.tv_nsec - shadow.last_time.tv_nsec) / 1e9;
    if (shadow.last_call == NULL)
        shadow_say("the job's last state: it made no call since it was started, %.1f s ago", ago);
    else
        shadow_say("the job's last state: %s, its call number %" PRIu64 ", %.1f s ago", shadow.last_call,
                   shadow.calls, ago);
}

/* " (COMMAND exited with 1)", or nothing. */
static const char *command_ended(int status)
{
    static char text[80];
    if (status == -1)
        return " (COMMAND did not end: killed)";
    if (WIFEXITED(status))
        snprintf(text, sizeof text, " (COMMAND exited with %d)", WEXITSTATUS(status));
    else
        snprintf(text, sizeof text, " (COMMAND was killed by signal %d)", WTERMSIG(status));
    return text;
}

/* It ended before it said hello: it could not be started (sh: 126, 127; ssh: 255), or said why itself. */
static int status_not_started(int command)
{
    int status = command != -1 && WIFEXITED(command) ? WEXITSTATUS(command) : EX_OSERR;
    return status >= EX_USAGE && status < 80 ? status : EX_OSERR;
}

void shadow_say_end(int command)
{
    const char *error = shadow.error != 0 ? strerror(-shadow.error) : "";
    switch (shadow.end) {
    case NOT_STARTED:
        shadow_say("the job could not be started on the other machine%s", command_ended(command));
        return;
    case WRONG: shadow_say("what came from the other machine is wrong: %s", shadow.what); break;
    case SILENT: shadow_say("the other machine is silent for %d s: the job is lost", LOST_SECONDS); break;
    default:
        shadow_say("the connection to the other machine broke%s%s%s", command_ended(command),
                   shadow.error != 0 ? ": " : "", error);
    }
    say_last_state();
}

void shadow_finish(void)
{
    if (shadow.end != JOB_ENDED || WIFSIGNALED(shadow.status)) /* who ends by himself leaves it as he likes */
        terminal_restore();
    if (shadow.end == NOT_STARTED)
        exit(status_not_started(shadow.command_status));
    if (shadow.end != JOB_ENDED)
        exit(shadow.end == WRONG ? EX_PROTOCOL : EX_TEMPFAIL);
    command_end();
    serve_say_refused();
    if (WIFSIGNALED(shadow.status))
        die_as_it_did(WTERMSIG(shadow.status));
    exit(WIFEXITED(shadow.status) ? WEXITSTATUS(shadow.status) : EX_SOFTWARE);
}
