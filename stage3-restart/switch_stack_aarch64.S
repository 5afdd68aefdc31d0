/*
 * switch_stack_aarch64.S - leaves one stack for another, for ever.  Given.
 *
 * arch_call_on_stack(argument in x0, function in x1, stack_top in x2): the function gets its argument where it
 * stands already, in x0.  sp is a multiple of 16 always (aapcs64, 6.4.5).
 */
    .text
    .globl arch_call_on_stack
    .hidden arch_call_on_stack
    .type arch_call_on_stack, @function
arch_call_on_stack:
    mov sp, x2
    mov x29, #0         /* gdb: the outermost frame */
    mov x30, #0
    blr x1
    brk #1              /* it does not return */
    .size arch_call_on_stack, . - arch_call_on_stack

    .section .note.GNU-stack, "", @progbits
