/*
 * own_frame.h - a signal is taken, to see what frame this kernel makes on this processor.  For frame_convert_*.c.
 * Uses libc.  Given.
 */
#ifndef CKPT_OWN_FRAME_H
#define CKPT_OWN_FRAME_H

#include <signal.h>
#include <stdbool.h>
#include <ucontext.h>
#include <unistd.h>

static void own_frame_look(const ucontext_t *context); /* who includes this looks at the frame there */
static bool own_frame_was_anothers;

static void own_frame_handler(int number, siginfo_t *info, void *context)
{
    own_frame_look(context);
    own_frame_was_anothers |= info->si_code != SI_TKILL || info->si_pid != getpid();
}

/* Debuggers pass SIGURG on without a word.  One that somebody sends just then still waits for the program. */
static inline void own_frame_take(void)
{
    struct sigaction action = {.sa_sigaction = own_frame_handler, .sa_flags = SA_SIGINFO}, old;
    sigset_t set, before;
    sigemptyset(&set);
    sigaddset(&set, SIGURG);
    sigaction(SIGURG, &action, &old);
    sigprocmask(SIG_UNBLOCK, &set, &before);
    raise(SIGURG);
    sigprocmask(SIG_SETMASK, &before, NULL);
    sigaction(SIGURG, &old, NULL);
    if (own_frame_was_anothers)
        raise(SIGURG);
}

#endif
