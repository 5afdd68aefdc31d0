/* redzone.S: wait at a gate with nonces in the red zone, the 128 bytes below the
 * stack pointer that a function may use without moving it (System V ABI, 3.2.2).
 * hold_red_zone(const char *path, const void *in, void *out): 16 words each.
 * A system call leaves the red zone alone, and so does a signal's frame. */
#ifdef __x86_64__
    .text
    .globl hold_red_zone
    .type hold_red_zone, @function
hold_red_zone:
    .cfi_startproc
    mov %rdi, %r8
    mov %rdx, %r9
    .irp n, 0,1,2,3,4,5,6,7,8,9,10,11,12,13,14,15
    mov 8 * \n(%rsi), %rax
    mov %rax, -128 + 8 * \n(%rsp)
    .endr
9:  mov %r8, %rdi
    mov $0, %esi                /* F_OK */
    mov $21, %eax               /* SYS_access(path, mode) */
    syscall
    test %rax, %rax
    jz 8f
    lea .Lnap(%rip), %rdi
    mov $35, %eax               /* SYS_nanosleep(request, NULL) */
    syscall
    jmp 9b
8:  .irp n, 0,1,2,3,4,5,6,7,8,9,10,11,12,13,14,15
    mov -128 + 8 * \n(%rsp), %rax
    mov %rax, 8 * \n(%r9)
    .endr
    ret
    .cfi_endproc
    .size hold_red_zone, . - hold_red_zone
    .section .rodata
    .balign 8
.Lnap: .quad 0, 1000000            /* one millisecond */
    .section .note.GNU-stack, "", @progbits
#elif defined(__aarch64__)
/* No red zone here: the frame of a signal begins right below the stack pointer, and what is at it must stay. */
    .text
    .globl hold_red_zone
    .type hold_red_zone, @function
hold_red_zone:
    .cfi_startproc
    sub sp, sp, #128
    .cfi_adjust_cfa_offset 128
    mov x9, x0
    mov x10, x2
    .irp n, 0,1,2,3,4,5,6,7,8,9,10,11,12,13,14,15
    ldr x11, [x1, #8 * \n]
    str x11, [sp, #8 * \n]
    .endr
9:  mov x0, #-100               /* AT_FDCWD */
    mov x1, x9
    mov x2, #0                  /* F_OK */
    mov x8, #48                 /* SYS_faccessat(folder, path, mode) */
    svc #0
    cbz x0, 8f
    adr x0, .Lnap
    mov x1, #0
    mov x8, #101                /* SYS_nanosleep(request, NULL) */
    svc #0
    b 9b
8:  .irp n, 0,1,2,3,4,5,6,7,8,9,10,11,12,13,14,15
    ldr x11, [sp, #8 * \n]
    str x11, [x10, #8 * \n]
    .endr
    add sp, sp, #128
    .cfi_adjust_cfa_offset -128
    ret
    .cfi_endproc
    .size hold_red_zone, . - hold_red_zone
    .balign 8
.Lnap: .quad 0, 1000000            /* one millisecond */
    .section .note.GNU-stack, "", @progbits
#endif
