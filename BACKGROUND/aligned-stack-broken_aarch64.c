/* aligned-stack-broken_aarch64.c: BROKEN. The new stack begins 8 bytes off a multiple of 16.
 *
 * Nothing is wrong with the memory: there is room, and it may be written. But the processor
 * faults at the first instruction that reaches it by sp. A SIGBUS there (gdb: x/i $pc) in a
 * function that you did not write means: look at sp.
 */
#include <stdio.h>

static _Alignas(16) char new_stack[65536];

/* arm64: call fn with sp = top, then come back to the old stack. */
void call_on_stack(void (*fn)(void), char *top);
__asm__(".text\n"
        "call_on_stack:\n"
        "    stp x29, x30, [sp, #-16]!\n"
        "    mov x29, sp\n" /* x29 is the callee's to keep: it survives fn */
        "    mov sp, x1\n"
        "    blr x0\n"
        "    mov sp, x29\n"
        "    ldp x29, x30, [sp], #16\n"
        "    ret\n");

/* What a compiler makes of any function that calls others: it begins with one stp to the stack. */
static void use_the_stack(void)
{
    printf("stp to the stack: well\n");
    fflush(stdout);
}

int main(void)
{
    char *top = new_stack + sizeof new_stack - 8; /* BROKEN: no multiple of 16 */

    printf("sp at the call will be %p\n", (void *)top);
    fflush(stdout);
    call_on_stack(use_the_stack, top);
    printf("back on the old stack: this processor does not look at sp (QEMU computes it?)\n");
    return 0;
}
