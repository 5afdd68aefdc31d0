/*
 * handler_stack.c - a stack for the handler of the checkpoint signal.  Given.
 *
 * A program may stand on a stack that is small: coroutines have 4 KiB.  What the kernel alone writes there for a
 * signal are up to 3.5 KiB (AT_MINSIGSTKSZ), and our handler needs more.  So there are two stacks:
 *
 *     signal_stack   the kernel's frame and the handler's own: SA_ONSTACK, sigaltstack(2)
 *     work_stack     all that writes the image; so that little is needed on an alternate stack of the program's
 *
 * The program does not see the first: for sigaltstack() it has no alternate stack until it sets one; if that is too
 * small for us, the handler runs where the program stands.  Both are in the image, as all memory is, and the kernel
 * notes in the signal frame which stack was set, so the second life has the same.
 */
#include "handler_stack.h"
#include "image_signals.h"
#include "sys.h"

#include <sys/auxv.h>

#define STACK_SIZE (256UL << 10) /* bytes, that are there when they are needed; 5 KiB were measured */
#define MODE(flags) ((unsigned)(flags) & 3U) /* without SS_AUTODISARM */

static char signal_stack[STACK_SIZE] __attribute__((aligned(64)));
static char work_stack[STACK_SIZE] __attribute__((aligned(64)));
static const stack_t ours = {.ss_sp = signal_stack, .ss_size = sizeof signal_stack};
static const stack_t none = {.ss_flags = SS_DISABLE};
static int busy; /* work_stack is in use */
static struct own_handler {
    int signal;
    uint64_t function;
} handlers[2]; /* of the checkpoint signal; and of SIGSYS, where calls are caught */
static size_t handler_count;

/* call_on_stack_*.S */
int arch_call_on(void *stack_top, int (*function)(void)) __attribute__((visibility("hidden")));

/* A smaller stack kills: the kernel writes no frame that does not fit. */
static bool is_large_enough(const stack_t *stack)
{
    return stack->ss_size >= getauxval(AT_MINSIGSTKSZ) + 2048;
}

/* The handlers run on the alternate stack that is set, or on the one that the program stands on. */
static void set_onstack(bool onstack)
{
    struct kernel_sigaction action;
    for (const struct own_handler *own = handlers; own < handlers + handler_count; own++) {
        if (sys_call(SYS_rt_sigaction, own->signal, 0, (long)&action, MASK_SIZE) != 0 ||
            action.handler != own->function)
            continue; /* the program has taken the signal */
        action.flags = onstack ? action.flags | SA_ONSTACK : action.flags & ~(uint64_t)SA_ONSTACK;
        sys_call(SYS_rt_sigaction, own->signal, (long)&action, 0, MASK_SIZE);
    }
}

void handler_stack_use(int signal)
{
    struct kernel_sigaction action;
    stack_t now;
    bool ours_is_set = handler_count > 0;
    if (!ours_is_set && sys_call(SYS_sigaltstack, 0, (long)&now, 0, 0) == 0 && MODE(now.ss_flags) == SS_DISABLE)
        sys_call(SYS_sigaltstack, (long)&ours, 0, 0, 0);
    if (handler_count == sizeof handlers / sizeof *handlers ||
        sys_call(SYS_rt_sigaction, signal, 0, (long)&action, MASK_SIZE) != 0)
        return;
    handlers[handler_count++] = (struct own_handler){signal, action.handler};
    set_onstack(true);
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
    if (stack != NULL && handler_count > 0)
        set_onstack(ends || is_large_enough(stack));
    return 0;
}
