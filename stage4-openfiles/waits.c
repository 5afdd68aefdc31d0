/*
 * waits.c - a program that slept or waited when the checkpoint signal came goes on with it.  Given.
 *
 * SA_RESTART is enough for read(2), wait(2), flock(2) and the like: the kernel makes them again.  Others fail with
 * EINTR whenever a handler has run (signal(7)).  Of those we make again what then ends when it would have ended:
 *
 *     without a time limit     pause, sigsuspend, sigwaitinfo, msgrcv, msgsnd, semop; poll, epoll_wait with -1
 *     until an absolute time   clock_nanosleep with TIMER_ABSTIME, FUTEX_WAIT_BITSET (sem_timedwait and others)
 *     the rest is noted        select, pselect, ppoll: in the limit itself; nanosleep: if it was asked to
 *
 * Nobody knows the rest of a usleep() or of poll() with a limit: they end early, as they always may.
 *
 * A program must be told of its own signals.  If one waits, whose handler will run when ours returns, EINTR is the
 * truth.  If one of its handlers blocks the checkpoint signal, or the call itself does (sigsuspend, ppoll), that
 * signal may have waited for the handler's end, and then the EINTR was meant for the program: the two cannot be
 * told apart.
 */
#include "waits.h"
#include "arch_interrupted.h"

#include <linux/futex.h>
#include <sys/personality.h>

#ifndef SYS_futex_waitv /* Linux 5.16 */
#define SYS_futex_waitv 449
#endif

/* select(2), BUGS: a program may ask the kernel not to note the rest. */
static bool rest_is_noted(long limit)
{
    return limit == 0 || !(sys_call(SYS_personality, 0xffffffff, 0, 0, 0) & STICKY_TIMEOUTS);
}

/* nanosleep(2): the rest is where the program wanted it, and is the limit from now on. */
static bool take_rest(long *limit, long rest)
{
    *limit = rest;
    return rest != 0;
}

static bool is_absolute_futex(const long *arguments)
{
    return (arguments[1] & FUTEX_CMD_MASK) == FUTEX_WAIT_BITSET || arguments[3] == 0;
}

/* Does the call block the signal while it waits?  Then it was another signal that ended it. */
static bool call_blocks(const struct arch_call *call, int signal)
{
    const long *arguments = call->arguments;
    uint64_t mask = 0, at = 0, in_memory[2]; /* pselect6: a pointer to the address of the mask */
    switch (call->number) {
    case SYS_rt_sigsuspend:
        at = (uint64_t)arguments[0];
        break;
    case SYS_ppoll:
        at = (uint64_t)arguments[3];
        break;
    case SYS_epoll_pwait:
    case SYS_epoll_pwait2:
        at = (uint64_t)arguments[4];
        break;
    case SYS_pselect6:
        at = sys_peek((uint64_t)arguments[5], in_memory, sizeof in_memory) ? in_memory[0] : 0;
        break;
    default:
        break;
    }
    return at != 0 && sys_peek(at, &mask, sizeof mask) && ((mask >> (signal - 1)) & 1);
}

/* Can it be made again, and end when it would have ended?  Its arguments may change for that. */
static bool can_go_on(struct arch_call *call)
{
    long *arguments = call->arguments;
    switch (call->number) {
    case ARCH_PAUSE:
    case SYS_rt_sigsuspend:
    case SYS_msgrcv:
    case SYS_msgsnd:
    case SYS_semop:
    case SYS_futex_waitv:
        return true;
    case SYS_rt_sigtimedwait:
        return arguments[2] == 0;
    case SYS_semtimedop:
    case SYS_epoll_pwait2:
        return arguments[3] == 0;
    case ARCH_POLL:
        return (int)arguments[2] < 0;
    case ARCH_EPOLL_WAIT:
    case SYS_epoll_pwait:
        return (int)arguments[3] < 0;
    case SYS_ppoll:
        return rest_is_noted(arguments[2]);
    case ARCH_SELECT:
    case SYS_pselect6:
        return rest_is_noted(arguments[4]);
    case SYS_futex:
        return is_absolute_futex(arguments);
    case SYS_nanosleep:
        return take_rest(&arguments[0], arguments[1]);
    case SYS_clock_nanosleep:
        return (arguments[1] & TIMER_ABSTIME) || take_rest(&arguments[2], arguments[3]);
    default:
        return false;
    }
}

/* What a signal's handler in the program blocks; NULL: it has none.  With SA_RESETHAND it may have had one. */
static const sigset_t *handler_mask(int signal, struct sigaction *action)
{
    bool handled = sigaction(signal, NULL, action) == 0 && action->sa_handler != SIG_IGN &&
                   (action->sa_handler != SIG_DFL || (action->sa_flags & (int)SA_RESETHAND));
    return handled ? &action->sa_mask : NULL;
}

/* Was, or is, the EINTR meant for the program? */
static bool is_the_programs(const ucontext_t *context, int own)
{
    struct sigaction action;
    sigset_t pending;
    sigpending(&pending);
    for (int signal = 1; signal <= SIGRTMAX; signal++) {
        const sigset_t *mask = signal == own ? NULL : handler_mask(signal, &action);
        bool comes = sigismember(&pending, signal) && !sigismember(&context->uc_sigmask, signal);
        if (mask != NULL && (comes || sigismember(mask, own)))
            return true;
    }
    return false;
}

void waits_go_on(ucontext_t *context, int signal)
{
    struct arch_call call;
    if (arch_interrupted(context, &call) && !call_blocks(&call, signal) && !is_the_programs(context, signal) &&
        can_go_on(&call))
        arch_call_again(context, &call);
}
