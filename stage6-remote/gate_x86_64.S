/*
 * gate_x86_64.S - the gate of arch_trap.h: one system call of the program's, then back behind its own instruction.
 * rcx and r11 are the kernel's to destroy, as in any call; nothing else changes.  `ret N` takes the way back, and N
 * bytes more, from the stack: number, scratch (64) and the red zone (128).  The two first instructions are a shape
 * that arch_interrupted.h knows, so that who waits here goes on waiting after a checkpoint.
 */
    .text
    .globl arch_gate
    .hidden arch_gate
    .type arch_gate, @function
arch_gate:
    .cfi_startproc
    .cfi_def_cfa %rsp, 200
    .cfi_offset %rip, -200
    mov 8(%rsp), %rax
    syscall
    ret $192
    .cfi_endproc
    .size arch_gate, . - arch_gate
    .section .note.GNU-stack, "", @progbits
