/*
 * trap.c - the handler of SIGSYS.  A system call of the program's becomes a call of its stub; and then one of
 * three:
 *
 *     a result        the call was made at home (or by the stub): the program goes on behind its instruction
 *     CALL_LOCAL      the call is made here, by the program itself, through the gate (arch_trap.h)
 *     CALL_AGAIN      a signal comes first.  The call was not made
 *
 * All signals are blocked here, the checkpoint's as well: no image shows a stub at work.  SIGSYS must never be
 * blocked while the program runs: the kernel kills who blocks a signal that it must have.
 */
#include "trap.h"
#include "arch_trap.h"
#include "handler_stack.h"
#include "syscall_stubs.h"
#include "text.h"

struct kernel_sigaction trap_program_action;
uint64_t trap_waiting_mask;

static struct trap trap; /* the one at work: there are no threads, and no signals */
static int checkpoint_signal;
static uint64_t said[8]; /* a bit for each call that was refused, and has been named */

void trap_refused(const struct trap *refused, const char *name, const char *why)
{
    long number = refused->number;
    uint64_t bit = 1UL << (number % 64), *word = &said[(unsigned long)number / 64 % 8];
    if (*word & bit)
        return;
    *word |= bit;
    remote_say("system call ", name != NULL ? name : text_number((uint64_t)number, 10).digits,
               " is not made for a job of ckpt-shadow's: ", why, NULL);
}

static long call_stub(void)
{
    for (const struct stub *stub = stubs; stub->number >= 0; stub++) {
        if (stub->number != trap.number)
            continue;
        if (stub->stub != NULL)
            return stub->stub(&trap);
        trap_refused(&trap, stub->name, stub->why);
        return -stub->refuse_errno;
    }
    trap_refused(&trap, NULL, "it is not known");
    return -ENOSYS;
}

/*
 * A signal came while the call waited.  With a handler that was registered without SA_RESTART the call fails with
 * EINTR (signal(7)); with any other, and for a checkpoint, it is made again, behind the handler.
 */
static bool fails_with_eintr(void)
{
    uint64_t pending = 0;
    struct kernel_sigaction action;
    sys_call(SYS_rt_sigpending, (long)&pending, MASK_SIZE, 0, 0);
    if (pending & (SIGNAL_BIT(SIGTSTP) | SIGNAL_BIT(SIGTTIN) | SIGNAL_BIT(SIGTTOU)))
        pending |= SIGNAL_BIT(SIGCONT); /* it stops, and it is this one that lets it go on */
    pending &= ~trap_waiting_mask;
    for (int signal = 1; signal <= 64; signal++)
        if ((pending & SIGNAL_BIT(signal)) && signal != checkpoint_signal &&
            sys_call(SYS_rt_sigaction, signal, 0, (long)&action, MASK_SIZE) == 0 && action.handler > 1 &&
            !(action.flags & SA_RESTART))
            return true;
    return false;
}

static int handle(void)
{
    trap_waiting_mask = *trap_mask(&trap);
    long result = call_stub();
    if (result == CALL_LOCAL)
        arch_trap_pass(trap.context, trap.number, trap.arguments);
    else if (result != CALL_AGAIN)
        arch_trap_answer(trap.context, result);
    else if (fails_with_eintr())
        arch_trap_answer(trap.context, -EINTR);
    else
        arch_trap_again(trap.context);
    return 0;
}

static char stack[64UL << 10] __attribute__((aligned(64))); /* bytes; a third was measured in use */

int arch_call_on(void *stack_top, int (*function)(void)) __attribute__((visibility("hidden")));

static void on_trap(int signal, siginfo_t *info, void *context)
{
    if (info->si_code <= 0)
        return; /* somebody's kill(2): no call was caught */
    if (arch_trap_leave_gate(context))
        return;
    trap.context = context;
    arch_trap_read(context, &trap.number, trap.arguments);
    arch_call_on(stack + sizeof stack, handle);
}

/*
 * The handler of checkpoints blocks all signals; but what it calls of libc makes system calls, and they are caught.
 */
static void open_handler(int signal)
{
    struct kernel_sigaction action;
    sys_call(SYS_rt_sigaction, signal, 0, (long)&action, MASK_SIZE);
    action.mask &= ~SIGNAL_BIT(SIGSYS);
    sys_call(SYS_rt_sigaction, signal, (long)&action, 0, MASK_SIZE);
}

void trap_register(int checkpoint)
{
    struct sigaction action = {.sa_sigaction = on_trap, .sa_flags = SA_SIGINFO};
    sigset_t ours;
    sigemptyset(&ours);
    sigaddset(&ours, SIGSYS);
    sigprocmask(SIG_UNBLOCK, &ours, NULL); /* whoever started ckpt-shadow may have blocked it */
    checkpoint_signal = checkpoint;
    sigfillset(&action.sa_mask);
    sigaction(SIGSYS, &action, NULL);
    handler_stack_use(SIGSYS);
    open_handler(checkpoint);
}
