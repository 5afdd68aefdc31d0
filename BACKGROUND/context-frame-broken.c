/* context-frame-broken.c: BROKEN. setcontext() to a function that has returned.
 *
 * The registers come back, but the frame that they point to is gone: go_back() has
 * used that part of the stack since. The local variable is what go_back() left
 * there, and so is the return address: the function "returns" to 0xeeeeeeeeeeeeeeee.
 */
#include <stdio.h>
#include <ucontext.h>

static volatile int is_restart = 0;
static ucontext_t context;

/* Use the stack below the caller's frame, as any function does, and go back. */
__attribute__((noinline)) static void go_back(void)
{
    volatile char frame[8192];

    for (unsigned i = 0; i < sizeof frame; i++)
        frame[i] = (char)0xee;
    is_restart = 1;
    setcontext(&context);
    printf("setcontext failed: %d\n", frame[0]);
}

__attribute__((noinline)) static void checkpoint(void)
{
    volatile int local = 42;

    getcontext(&context);
    printf("is_restart is %d, the local variable is %#x\n", is_restart, (unsigned)local);
    fflush(stdout);
}

/* A caller with a frame of its own, so that checkpoint() is some way down the stack. */
__attribute__((noinline)) static int work(void)
{
    volatile char frame[512] = {0};

    checkpoint();
    return frame[0];
}

int main(void)
{
    int result = work();

    go_back(); /* BROKEN: the frame of checkpoint() is gone */
    return result;
}
