/*
 * gate_aarch64.S - the gate of arch_trap.h: one system call of the program's, with its number in x8; then one that
 * is caught by its address, by which the handler takes the program back.  The two first instructions are a shape
 * that arch_interrupted.h knows, so that who waits here goes on waiting after a checkpoint.  Register 32 is gdb's
 * pc.
 */
    .text
    .globl arch_gate, arch_gate_end
    .hidden arch_gate, arch_gate_end
    .type arch_gate, @function
arch_gate:
    .cfi_startproc
    .cfi_return_column 32
    .cfi_def_cfa sp, 144
    .cfi_offset 32, -136
    ldr x0, [sp]
    svc #0
    svc #0
arch_gate_end:
    .cfi_endproc
    .size arch_gate, . - arch_gate
    .section .note.GNU-stack, "", @progbits
