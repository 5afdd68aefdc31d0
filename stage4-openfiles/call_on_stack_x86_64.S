/*
 * call_on_stack_x86_64.S - int arch_call_on(void *stack_top, int (*function)(void)): calls function() on another
 * stack, and comes back.  stack_top is a multiple of 16.  rbp keeps the old stack pointer, so that gdb finds
 * its way through (.cfi).  Given to students whole.
 */
    .text
    .globl arch_call_on
    .hidden arch_call_on
    .type arch_call_on, @function
arch_call_on:
    .cfi_startproc
    push %rbp
    .cfi_def_cfa_offset 16
    .cfi_offset %rbp, -16
    mov %rsp, %rbp
    .cfi_def_cfa_register %rbp
    mov %rdi, %rsp
    call *%rsi
    mov %rbp, %rsp
    pop %rbp
    .cfi_def_cfa %rsp, 8
    ret
    .cfi_endproc
    .size arch_call_on, . - arch_call_on
    .section .note.GNU-stack, "", @progbits
