/* aligned-stack_aarch64.c: the program moves to another stack. Its pointer is a multiple of 16.
 *
 * The rules for arm64 say: sp is a multiple of 16, at all times. The processor itself looks
 * at it, whenever memory is reached by sp.
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
    char *top = new_stack + sizeof new_stack;

    printf("sp at the call will be %p\n", (void *)top);
    fflush(stdout);
    call_on_stack(use_the_stack, top);
    printf("back on the old stack\n");
    return 0;
}
