/*
 * handler_stack.c - a stack for the handler of the checkpoint signal.  Given.
 *
 * A program may stand on a stack that is small: coroutines have 4 KiB.  What the kernel alone writes there for a
 * signal are up to 3.5 KiB (AT_MINSIGSTKSZ), and our handler needs more.  So there are two stacks:
 *
 *     signal_stack   the kernel's frame and the handler's own: SA_ONSTACK, sigaltstack(2)
 *     work_stack     all that writes the image; so that little is needed on an alternate stack of the program's
 *
 * The program does not see the first: for sigaltstack() it has no alternate stack until it sets one.  Both are in the
 * image, as all memory is, and the kernel notes in the signal frame which stack was set, so the second life
 * has the same.
 */
#include "handler_stack.h"
#include "sys.h"

#define STACK_SIZE (64UL << 10)
#define MODE(flags) ((unsigned)(flags) & 3U) /* without SS_AUTODISARM */

static char signal_stack[STACK_SIZE] __attribute__((aligned(64)));
static char work_stack[STACK_SIZE] __attribute__((aligned(64)));
static const stack_t ours = {.ss_sp = signal_stack, .ss_size = sizeof signal_stack}, none = {.ss_flags = SS_DISABLE};
static int busy; /* work_stack is in use */

/* call_on_stack_x86_64.S */
int arch_call_on(void *stack_top, int (*function)(void)) __attribute__((visibility("hidden")));

void handler_stack_use(int signal)
{
    struct sigaction action;
    stack_t now;
    if (sys_call(SYS_sigaltstack, 0, (long)&now, 0, 0) == 0 && MODE(now.ss_flags) == SS_DISABLE)
        sys_call(SYS_sigaltstack, (long)&ours, 0, 0, 0);
    if (sigaction(signal, NULL, &action) != 0)
        return;
    action.sa_flags |= SA_ONSTACK;
    sigaction(signal, &action, NULL);
}

/* Another thread may be here already; the image is refused then, and for that any stack will do. */
int handler_stack_call(int (*function)(void))
{
    if (__atomic_exchange_n(&busy, 1, __ATOMIC_ACQUIRE) != 0)
        return function();
    int result = arch_call_on(work_stack + sizeof work_stack, function);
    __atomic_store_n(&busy, 0, __ATOMIC_RELEASE);
    return result;
}

void handler_stack_new_life(void)
{
    busy = 0;
}

/* sigaltstack(2) for the program: ours is no stack of its own, and is there again when its own is gone. */
__attribute__((visibility("default"))) int sigaltstack(const stack_t *restrict stack, stack_t *restrict old)
{
    bool ends = stack != NULL && MODE(stack->ss_flags) == SS_DISABLE;
    long error = sys_call(SYS_sigaltstack, (long)(ends ? &ours : stack), (long)old, 0, 0);
    if (error != 0) {
        errno = (int)-error;
        return -1;
    }
    if (old != NULL && old->ss_sp == ours.ss_sp)
        *old = none;
    return 0;
}
