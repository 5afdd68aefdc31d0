/*
 * arch_clone_aarch64.S - long arch_clone_on(flags in x0, stack_top in x1, function in x2, argument in x3):
 * clone(2) with a stack for the child, which calls function(argument) there and never returns.  It touches no
 * memory of libc's: both have the same thread-local storage.  stack_top is a multiple of 16.  Given to students
 * whole.
 */
    .text
    .globl arch_clone_on
    .hidden arch_clone_on
    .type arch_clone_on, @function
arch_clone_on:
    stp x2, x3, [x1, #-16]! /* both wait on the child's stack */
    mov x2, #0          /* parent_tid, tls, child_tid: none */
    mov x3, #0
    mov x4, #0
    mov x8, #220        /* SYS_clone */
    svc #0
    cbz x0, 1f
    ret
1:  mov x29, #0         /* gdb: the outermost frame */
    mov x30, #0
    ldp x1, x0, [sp], #16
    blr x1
    brk #1              /* it does not return */
    .size arch_clone_on, . - arch_clone_on

    .section .note.GNU-stack, "", @progbits
