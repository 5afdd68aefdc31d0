/* registers.S: wait at a gate with every register that a system call keeps
 * full of nonces.  long hold(const char *path, const void *in, void *out)
 * in and out: 10 words (rbx rbp r12 r13 r14 r15 r8 r9 r10 rdx), 6 of padding,
 * then 16 vectors of 32 bytes.  hold_xmm() is for machines without AVX. */
#ifdef __x86_64__
    .macro EACH_VECTOR do:vararg
    .irp n, 0,1,2,3,4,5,6,7,8,9,10,11,12,13,14,15
    \do \n
    .endr
    .endm
    .macro LOADY n
    vmovdqu 128 + 32 * \n(%rsi), %ymm\n
    .endm
    .macro STOREY n
    vmovdqu %ymm\n, 128 + 32 * \n(%rsi)
    .endm
    .macro LOADX n
    movdqu 128 + 32 * \n(%rsi), %xmm\n
    .endm
    .macro STOREX n
    movdqu %xmm\n, 128 + 32 * \n(%rsi)
    .endm

    .macro HOLD name, load, store
    .globl \name
    .type \name, @function
\name:
    .cfi_startproc
    push %rbx
    .cfi_adjust_cfa_offset 8
    push %rbp
    .cfi_adjust_cfa_offset 8
    push %r12
    .cfi_adjust_cfa_offset 8
    push %r13
    .cfi_adjust_cfa_offset 8
    push %r14
    .cfi_adjust_cfa_offset 8
    push %r15
    .cfi_adjust_cfa_offset 8
    push %rdx
    .cfi_adjust_cfa_offset 8
    push %rdi
    .cfi_adjust_cfa_offset 8
    EACH_VECTOR \load
    mov 0(%rsi), %rbx
    mov 8(%rsi), %rbp
    mov 16(%rsi), %r12
    mov 24(%rsi), %r13
    mov 32(%rsi), %r14
    mov 40(%rsi), %r15
    mov 48(%rsi), %r8
    mov 56(%rsi), %r9
    mov 64(%rsi), %r10
    mov 72(%rsi), %rdx
9:  mov (%rsp), %rdi
    mov $0, %esi                /* F_OK */
    mov $21, %eax               /* SYS_access(path, mode) */
    syscall
    test %rax, %rax
    jz 8f
    lea .Lnap(%rip), %rdi
    mov $35, %eax               /* SYS_nanosleep(request, NULL) */
    syscall
    jmp 9b
8:  mov 8(%rsp), %rsi
    mov %rbx, 0(%rsi)
    mov %rbp, 8(%rsi)
    mov %r12, 16(%rsi)
    mov %r13, 24(%rsi)
    mov %r14, 32(%rsi)
    mov %r15, 40(%rsi)
    mov %r8, 48(%rsi)
    mov %r9, 56(%rsi)
    mov %r10, 64(%rsi)
    mov %rdx, 72(%rsi)
    EACH_VECTOR \store
    add $16, %rsp
    .cfi_adjust_cfa_offset -16
    pop %r15
    .cfi_adjust_cfa_offset -8
    pop %r14
    .cfi_adjust_cfa_offset -8
    pop %r13
    .cfi_adjust_cfa_offset -8
    pop %r12
    .cfi_adjust_cfa_offset -8
    pop %rbp
    .cfi_adjust_cfa_offset -8
    pop %rbx
    .cfi_adjust_cfa_offset -8
    ret
    .cfi_endproc
    .size \name, . - \name
    .endm

    .text
    HOLD hold_ymm, LOADY, STOREY
    HOLD hold_xmm, LOADX, STOREX
    .section .rodata
    .balign 8
.Lnap: .quad 0, 1000000            /* one millisecond */
    .section .note.GNU-stack, "", @progbits
#elif defined(__aarch64__)
/* The ten words are x19 to x28, and the vectors v0 to v15, 16 bytes of each. */
    .text
    .globl hold_xmm
    .type hold_xmm, @function
hold_xmm:
    .cfi_startproc
    stp x29, x30, [sp, #-192]!
    .cfi_adjust_cfa_offset 192
    .cfi_offset x29, -192
    .cfi_offset x30, -184
    mov x29, sp
    stp x19, x20, [sp, #16]
    stp x21, x22, [sp, #32]
    stp x23, x24, [sp, #48]
    stp x25, x26, [sp, #64]
    stp x27, x28, [sp, #80]
    stp d8, d9, [sp, #96]
    stp d10, d11, [sp, #112]
    stp d12, d13, [sp, #128]
    stp d14, d15, [sp, #144]
    stp x0, x2, [sp, #160]
    .irp n, 0,1,2,3,4,5,6,7,8,9,10,11,12,13,14,15
    ldr q\n, [x1, #128 + 32 * \n]
    .endr
    ldp x19, x20, [x1]
    ldp x21, x22, [x1, #16]
    ldp x23, x24, [x1, #32]
    ldp x25, x26, [x1, #48]
    ldp x27, x28, [x1, #64]
9:  mov x0, #-100               /* AT_FDCWD */
    ldr x1, [sp, #160]
    mov x2, #0                  /* F_OK */
    mov x8, #48                 /* SYS_faccessat(folder, path, mode) */
    svc #0
    cbz x0, 8f
    adr x0, .Lnap
    mov x1, #0
    mov x8, #101                /* SYS_nanosleep(request, NULL) */
    svc #0
    b 9b
8:  ldr x1, [sp, #168]
    stp x19, x20, [x1]
    stp x21, x22, [x1, #16]
    stp x23, x24, [x1, #32]
    stp x25, x26, [x1, #48]
    stp x27, x28, [x1, #64]
    .irp n, 0,1,2,3,4,5,6,7,8,9,10,11,12,13,14,15
    str q\n, [x1, #128 + 32 * \n]
    .endr
    ldp x19, x20, [sp, #16]
    ldp x21, x22, [sp, #32]
    ldp x23, x24, [sp, #48]
    ldp x25, x26, [sp, #64]
    ldp x27, x28, [sp, #80]
    ldp d8, d9, [sp, #96]
    ldp d10, d11, [sp, #112]
    ldp d12, d13, [sp, #128]
    ldp d14, d15, [sp, #144]
    ldp x29, x30, [sp], #192
    .cfi_adjust_cfa_offset -192
    ret
    .cfi_endproc
    .size hold_xmm, . - hold_xmm
    .balign 8
.Lnap: .quad 0, 1000000            /* one millisecond */
    .section .note.GNU-stack, "", @progbits
#endif
