/*
 * call_on_stack_aarch64.S - int arch_call_on(void *stack_top, int (*function)(void)): calls function() on another
 * stack, and comes back.  stack_top is a multiple of 16.  x29 keeps the old stack pointer, so that gdb finds
 * its way through (.cfi).  Given to students whole.
 */
    .text
    .globl arch_call_on
    .hidden arch_call_on
    .type arch_call_on, @function
arch_call_on:
    .cfi_startproc
    stp x29, x30, [sp, #-16]!
    .cfi_def_cfa_offset 16
    .cfi_offset x29, -16
    .cfi_offset x30, -8
    mov x29, sp
    .cfi_def_cfa_register x29
    mov sp, x0
    blr x1
    mov sp, x29
    ldp x29, x30, [sp], #16
    .cfi_def_cfa sp, 0
    .cfi_restore x29
    .cfi_restore x30
    ret
    .cfi_endproc
    .size arch_call_on, . - arch_call_on
    .section .note.GNU-stack, "", @progbits
