/* aligned-stack-broken.c: BROKEN. The new stack begins 8 bytes off a multiple of 16.
 *
 * Nothing is wrong with the memory: there is room, and it may be written. But
 * movaps faults on an address that is not a multiple of 16. A SIGSEGV at a movaps
 * (gdb: x/i $pc) in a function that you did not write means: look at rsp.
 */
#include <stdio.h>

static _Alignas(16) char new_stack[65536];

/* x86-64: call fn with rsp = top, then come back to the old stack. */
void call_on_stack(void (*fn)(void), char *top);
__asm__(".text\n"
        "call_on_stack:\n"
        "    pushq %rbp\n"
        "    movq  %rsp, %rbp\n" /* rbp is the callee's to keep: it survives fn */
        "    movq  %rsi, %rsp\n"
        "    call  *%rdi\n"
        "    movq  %rbp, %rsp\n"
        "    popq  %rbp\n"
        "    ret\n");

/* What a compiler makes of `local = vector;`: one movaps to the stack. */
static void use_the_stack(void)
{
    _Alignas(16) char local[16];

    __asm__ volatile("movaps %%xmm0, %0" : "=m"(local));
    printf("movaps to %p: well\n", (void *)local);
}

int main(void)
{
    char *top = new_stack + sizeof new_stack - 8; /* BROKEN: no multiple of 16 */

    printf("rsp at the call will be %p\n", (void *)top);
    fflush(stdout);
    call_on_stack(use_the_stack, top);
    printf("back on the old stack\n");
    return 0;
}
