/* context-frame.c: a context is only registers. The stack that they point to must be there.
 *
 * setcontext() is called while the function that called getcontext() has not
 * returned. Its frame is still on the stack: the local variable and the return
 * address are good. A restart does it the other way round: it brings the whole
 * stack back from the image first, and then calls setcontext().
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
    if (!is_restart)
        go_back(); /* this frame is alive */
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

    printf("checkpoint() has returned twice from one call, and is well\n");
    return result;
}
