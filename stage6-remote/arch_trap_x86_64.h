/*
 * arch_trap_x86_64.h - a caught system call of the program's, and the three ways on from there: x86-64.
 *
 * Seccomp's SIGSYS (seccomp(2), SECCOMP_RET_TRAP) comes right behind the instruction `syscall`; all registers are
 * as the program set them, rax with the number too.  Async-signal-safe.
 */
#ifndef CKPT_ARCH_TRAP_X86_64_H
#define CKPT_ARCH_TRAP_X86_64_H

#include "arch_interrupted.h"

#include <linux/audit.h>

#define ARCH_AUDIT AUDIT_ARCH_X86_64
#define ARCH_STRANGE_CALLS 0x40000000U /* numbers from here on are those of x32, another ABI */

/*
 * The gate: the program's own call, made from our code, which the filter lets through by its address.  Then back to
 * where the program was.  The program stands on its own stack with its own mask, so the call can wait, be
 * interrupted and be saved like any other.  Below the stack pointer are 128 bytes that belong to the program (the
 * red zone):
 *
 *     |<------ GATE_ROOM ------>|<- 128 ->|
 *     | back | number | scratch | red zone| the program's stack
 *     ^ rsp in the gate                   ^ rsp in the program
 */
#define GATE_RED_ZONE 128
#define GATE_ROOM 72 /* bytes: two words and the scratch; gate_x86_64.S knows the sum */

struct arch_gate_frame {
    uint64_t back;
    long number;
    uint64_t scratch[7];
};
_Static_assert(sizeof(struct arch_gate_frame) == GATE_ROOM, "gate_x86_64.S");

extern const char arch_gate[] __attribute__((visibility("hidden"))); /* gate_x86_64.S */
#define ARCH_GATE_END 0 /* the gate is left by an instruction, and not by a call */

static inline struct arch_gate_frame *arch_gate_frame(const ucontext_t *context)
{
    return (struct arch_gate_frame *)(context->uc_mcontext.gregs[REG_RSP] - GATE_RED_ZONE - GATE_ROOM); // NOLINT
}

static inline void arch_trap_read(const ucontext_t *context, long *number, long *arguments)
{
    const greg_t *regs = context->uc_mcontext.gregs;
    *number = regs[REG_RAX];
    for (int i = 0; i < 6; i++)
        arguments[i] = regs[arch_argument_order[i]];
}

/* The call has been made: this is its result. */
static inline void arch_trap_answer(ucontext_t *context, long result)
{
    context->uc_mcontext.gregs[REG_RAX] = result;
}

/* When the handler returns, and after the signals that wait, the program makes the call again. */
static inline void arch_trap_again(ucontext_t *context)
{
    context->uc_mcontext.gregs[REG_RIP] -= ARCH_SYSCALL_SIZE;
}

/* When the handler returns, the call goes through the gate, with these arguments. */
static inline void arch_trap_pass(ucontext_t *context, long number, const long *arguments)
{
    greg_t *regs = context->uc_mcontext.gregs;
    struct arch_gate_frame *frame = arch_gate_frame(context);
    frame->back = (uint64_t)regs[REG_RIP];
    frame->number = number;
    for (int i = 0; i < 6; i++)
        regs[arch_argument_order[i]] = arguments[i];
    regs[REG_RSP] = (greg_t)frame;
    regs[REG_RIP] = (greg_t)arch_gate;
}

/* The gate needs no help on the way back. */
static inline bool arch_trap_leave_gate(ucontext_t *context)
{
    return false;
}

#endif
