/* sigstate.c: signal mask, actions and alternate stack. */
#include "program.h"

#include <signal.h>
#include <string.h>

static char other_stack[65536];
static volatile sig_atomic_t on_other_stack;

static void on_signal(int number)
{
    char here;

    (void)number;
    on_other_stack = &here >= other_stack && &here < other_stack + sizeof other_stack;
}

static void set_up(void)
{
    stack_t stack = { .ss_sp = other_stack, .ss_size = sizeof other_stack };
    struct sigaction action;
    sigset_t set;

    memset(&action, 0, sizeof action);
    action.sa_handler = on_signal;
    action.sa_flags = SA_ONSTACK | SA_RESTART;
    sigaddset(&action.sa_mask, SIGWINCH);
    sigaltstack(&stack, NULL);
    sigaction(SIGUSR1, &action, NULL);
    signal(SIGPIPE, SIG_IGN);
    signal(SIGTERM, SIG_IGN);
    sigemptyset(&set);
    sigaddset(&set, SIGHUP);
    sigaddset(&set, SIGRTMIN + 3);
    sigprocmask(SIG_SETMASK, &set, NULL);
}

static void tell_actions(void)
{
    struct sigaction action;

    sigaction(SIGUSR1, NULL, &action);
    say("handler %d flags %x mask %d", action.sa_handler == on_signal,
        action.sa_flags & (SA_ONSTACK | SA_RESTART), sigismember(&action.sa_mask, SIGWINCH));
    sigaction(SIGPIPE, NULL, &action);
    say("pipe ignored %d", action.sa_handler == SIG_IGN);
    sigaction(SIGTERM, NULL, &action);
    say("term ignored %d", action.sa_handler == SIG_IGN);
    sigaction(SIGALRM, NULL, &action);
    say("alarm default %d", action.sa_handler == SIG_DFL);
}

static void tell_mask_and_stack(void)
{
    stack_t stack;
    sigset_t set;

    sigprocmask(SIG_SETMASK, NULL, &set);
    say("blocked %d %d %d %d", sigismember(&set, SIGHUP), sigismember(&set, SIGRTMIN + 3),
        sigismember(&set, SIGUSR1), sigismember(&set, SIGUSR2));
    sigaltstack(NULL, &stack);
    say("stack %d %zu %d", stack.ss_sp == other_stack, stack.ss_size, stack.ss_flags);
    raise(SIGUSR1);
    say("on other stack %d", on_other_stack);
}

int main(void)
{
    START();
    set_up();
    tell_actions();
    tell_mask_and_stack();
    gate(1);
    on_other_stack = 0;
    tell_actions();
    tell_mask_and_stack();
    return finish();
}
