/*
 * arch_clone_x86_64.S - long arch_clone_on(flags in rdi, stack_top in rsi, function in rdx, argument in rcx):
 * clone(2) with a stack for the child, which calls function(argument) there and never returns.  It touches no
 * memory of libc's: both have the same thread-local storage.  stack_top is a multiple of 16.  Given to students
 * whole.
 */
    .text
    .globl arch_clone_on
    .hidden arch_clone_on
    .type arch_clone_on, @function
arch_clone_on:
    sub $16, %rsi
    mov %rdx, (%rsi)    /* both wait on the child's stack */
    mov %rcx, 8(%rsi)
    xor %edx, %edx      /* parent_tid, child_tid, tls: none */
    xor %r10d, %r10d
    xor %r8d, %r8d
    mov $56, %eax       /* SYS_clone */
    syscall
    test %rax, %rax
    jz 1f
    ret
1:  xor %ebp, %ebp      /* gdb: the outermost frame */
    pop %rax
    pop %rdi
    call *%rax
    ud2                 /* it does not return */
    .size arch_clone_on, . - arch_clone_on

    .section .note.GNU-stack, "", @progbits
