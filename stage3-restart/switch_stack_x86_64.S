/*
 * switch_stack_x86_64.S - leaves one stack for another, for ever.  Given.
 *
 * arch_call_on_stack(argument in rdi, function in rsi, stack_top in rdx): the function gets its
 * argument where it stands already, in rdi.  `call` pushes 8 bytes, so the function starts with
 * rsp + 8 a multiple of 16, as the ABI demands (System V ABI for x86-64, 3.2.2).
 */
    .text
    .globl arch_call_on_stack
    .hidden arch_call_on_stack
    .type arch_call_on_stack, @function
arch_call_on_stack:
    mov %rdx, %rsp
    xor %ebp, %ebp      /* gdb: the outermost frame */
    call *%rsi
    ud2                 /* it does not return */
    .size arch_call_on_stack, . - arch_call_on_stack

    .section .note.GNU-stack, "", @progbits
