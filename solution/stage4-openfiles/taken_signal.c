/*
 * taken_signal.c - says so when the program takes the checkpoint signal for itself.  Given.
 *
 * From outside one sees that the signal is caught (SigCgt), not by whom.  So the functions of libc that change a
 * signal's action are ours; each does what libc's does, by another name of the same function.  A program that makes
 * the system call itself is not noticed.
 */
#include "manners.h"
#include "libc.h"
#include "text.h"

#define EXPORT __attribute__((visibility("default")))

int __sigaction(int number, const struct sigaction *restrict action, struct sigaction *restrict old);

static int our_signal;
static void *our_handler;
static long process; /* a child may do as it likes */

void taken_signal_watch(int signal)
{
    struct sigaction action;
    if (__sigaction(signal, NULL, &action) != 0)
        return;
    our_signal = signal;
    our_handler = (void *)action.sa_handler; // NOLINT
    process = getpid();
}

void taken_signal_new_life(void)
{
    process = getpid();
}

/* Once.  Async-signal-safe, as sigaction(2) is, and errno stays. */
static void notice(int number, void *handler)
{
    if (number != our_signal || number == 0 || handler == our_handler || getpid() != process)
        return;
    our_signal = 0;
    const char *name = sigabbrev_np(number);
    say("libckpt: the program has taken signal ", text_number((uint64_t)number, 10).digits, name != NULL ? " (SIG" : "",
        name != NULL ? name : "", name != NULL ? ")" : "",
        " for itself, so it makes no checkpoint; ckpt -s chooses another signal (try ckpt -s 40)", NULL);
}

EXPORT int sigaction(int number, const struct sigaction *restrict action, struct sigaction *restrict old)
{
    int result = __sigaction(number, action, old);
    if (result == 0 && action != NULL)
        notice(number, (void *)action->sa_handler); // NOLINT
    return result;
}

EXPORT __sighandler_t signal(int number, __sighandler_t handler)
{
    __sighandler_t old = ssignal(number, handler);
    if (old != SIG_ERR)
        notice(number, (void *)handler); // NOLINT
    return old;
}

/* What signal() is for programs compiled as strict ISO C. */
EXPORT __sighandler_t __sysv_signal(int number, __sighandler_t handler)
{
    __sighandler_t old = sysv_signal(number, handler);
    if (old != SIG_ERR)
        notice(number, (void *)handler); // NOLINT
    return old;
}
