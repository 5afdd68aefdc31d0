/*
 * taken_signal.c - says so when the program takes the checkpoint signal for itself.  Given.
 *
 * From outside one sees that the signal is caught (SigCgt), not by whom.  So the functions of libc that change a
 * signal's action are ours; each does what libc's does, by another name of the same function.  Of a program that
 * makes the system call itself, or blocks the signal, we hear at its end: many block it for a moment only.
 */
#include "manners.h"
#include "libc.h"
#include "sys.h"
#include "text.h"

#define EXPORT __attribute__((visibility("default")))

int __sigaction(int number, const struct sigaction *restrict action, struct sigaction *restrict old);

static int our_signal;
static void *our_handler;
static long process;  /* a child may do as it likes */
static bool doubtful; /* the signal was taken by somebody who may give it back */

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

static void say_of_signal(const char *before, int number, const char *behind)
{
    const char *name = sigabbrev_np(number);
    our_signal = 0; /* once */
    say("libckpt: ", before, text_number((uint64_t)number, 10).digits, name != NULL ? " (SIG" : "",
        name != NULL ? name : "", name != NULL ? ")" : "", behind,
        "; ckpt -s takes another signal (try ckpt -s 40)", NULL);
}

static void tell(int number)
{
    say_of_signal("the program has its own action for signal ", number,
                  " now: no checkpoint, unless that calls libckpt's");
}

/* The program ends (exit(3)).  A signal that waits is blocked; who sent it has no image. */
__attribute__((destructor)) static void taken_signal_end(void)
{
    struct sigaction action;
    uint64_t waiting = 0;
    if (our_signal == 0 || getpid() != process || __sigaction(our_signal, NULL, &action) != 0)
        return;
    sys_call(SYS_rt_sigpending, (long)&waiting, sizeof waiting, 0, 0);
    if (waiting >> (our_signal - 1) & 1)
        say_of_signal("a checkpoint was asked for and not taken: the program ends, and had blocked signal ",
                      our_signal, "");
    else if ((void *)action.sa_handler != our_handler && !doubtful) // NOLINT
        say_of_signal("the program ends, and had its own action for signal ", our_signal,
                      ", by a system call that it made itself: no checkpoints");
}

/*
 * Async-signal-safe, as sigaction(2) is.  Who asks for the old action may be about to put it back (bash and ruby
 * do): only the next change of any signal tells that it was not.
 */
static void notice(int number, void *handler, bool asked)
{
    if (our_signal == 0 || getpid() != process)
        return;
    bool ours = number == our_signal;
    if (ours && handler == our_handler)
        doubtful = false;
    else if (doubtful || (ours && !asked))
        tell(our_signal);
    else if (ours)
        doubtful = true;
}

EXPORT int sigaction(int number, const struct sigaction *restrict action, struct sigaction *restrict old)
{
    int result = __sigaction(number, action, old);
    if (result == 0 && action != NULL)
        notice(number, (void *)action->sa_handler, old != NULL); // NOLINT
    return result;
}

EXPORT __sighandler_t signal(int number, __sighandler_t handler)
{
    __sighandler_t old = ssignal(number, handler);
    if (old != SIG_ERR)
        notice(number, (void *)handler, false); // NOLINT
    return old;
}

/* What signal() is for programs compiled as strict ISO C. */
EXPORT __sighandler_t __sysv_signal(int number, __sighandler_t handler)
{
    __sighandler_t old = sysv_signal(number, handler);
    if (old != SIG_ERR)
        notice(number, (void *)handler, false); // NOLINT
    return old;
}
