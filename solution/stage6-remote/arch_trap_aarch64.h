/*
 * arch_trap_aarch64.h - a caught system call of the program's, and the three ways on from there: aarch64.
 *
 * Seccomp's SIGSYS (seccomp(2), SECCOMP_RET_TRAP) comes right behind the instruction `svc`; all registers are as
 * the program set them, x8 with the number and x0 with the first argument too.  Async-signal-safe.
 */
#ifndef CKPT_ARCH_TRAP_AARCH64_H
#define CKPT_ARCH_TRAP_AARCH64_H

#include "arch_interrupted.h"

#include <linux/audit.h>

#define ARCH_AUDIT AUDIT_ARCH_AARCH64
#define ARCH_STRANGE_CALLS 0x80000000U /* there is no other ABI among its numbers */

/*
 * The gate: the program's own call, made from our code, which the filter lets through by its address.  Then back to
 * where the program was.  The program stands on its own stack with its own mask, so the call can wait, be
 * interrupted and be saved like any other.
 *
 *     |<---------- struct arch_gate_frame ---------->|
 *     | first argument, ... | what the program had   | the program's stack
 *     ^ sp in the gate                               ^ sp in the program
 *
 * A system call changes x0 and no other register; and no instruction jumps to an address that is not in a register.
 * So the way back is one more call that is caught, whatever its number: the handler puts all of them back.
 */
struct arch_gate_frame {
    uint64_t first;      /* gate_aarch64.S */
    uint64_t back, sp;   /* gate_aarch64.S tells gdb of these */
    uint64_t had[9];     /* x0 to x8 */
    uint64_t scratch[6];
};
_Static_assert(sizeof(struct arch_gate_frame) % 16 == 0, "a stack pointer is a multiple of 16");

extern const char arch_gate[] __attribute__((visibility("hidden")));     /* gate_aarch64.S */
extern const char arch_gate_end[] __attribute__((visibility("hidden"))); /* behind its last instruction */
#define ARCH_GATE_END ((uint64_t)arch_gate_end)

static inline struct arch_gate_frame *arch_gate_frame(const ucontext_t *context)
{
    return (struct arch_gate_frame *)(context->uc_mcontext.sp & ~15UL) - 1; // NOLINT
}

static inline void arch_trap_read(const ucontext_t *context, long *number, long *arguments)
{
    const mcontext_t *m = &context->uc_mcontext;
    *number = (long)m->regs[8];
    for (int i = 0; i < 6; i++)
        arguments[i] = (long)m->regs[i];
}

/* The call has been made: this is its result. */
static inline void arch_trap_answer(ucontext_t *context, long result)
{
    context->uc_mcontext.regs[0] = (uint64_t)result;
}

/* When the handler returns, and after the signals that wait, the program makes the call again. */
static inline void arch_trap_again(ucontext_t *context)
{
    context->uc_mcontext.pc -= ARCH_SYSCALL_SIZE;
}

/* When the handler returns, the call goes through the gate, with these arguments. */
static inline void arch_trap_pass(ucontext_t *context, long number, const long *arguments)
{
    mcontext_t *m = &context->uc_mcontext;
    struct arch_gate_frame *frame = arch_gate_frame(context);
    frame->first = (uint64_t)arguments[0];
    frame->back = m->pc;
    frame->sp = m->sp;
    memcpy(frame->had, m->regs, sizeof frame->had);
    for (int i = 0; i < 6; i++)
        m->regs[i] = (uint64_t)arguments[i];
    m->regs[8] = (uint64_t)number;
    m->sp = (uint64_t)frame;
    m->pc = (uint64_t)arch_gate;
}

/* The call has been made in the gate: the program goes on with its result.  False: it is not there. */
static inline bool arch_trap_leave_gate(ucontext_t *context)
{
    mcontext_t *m = &context->uc_mcontext;
    const struct arch_gate_frame *frame = (const struct arch_gate_frame *)m->sp; // NOLINT
    if (m->pc != ARCH_GATE_END)
        return false;
    memcpy(&m->regs[1], &frame->had[1], sizeof frame->had - sizeof frame->had[0]);
    m->pc = frame->back;
    m->sp = frame->sp;
    return true;
}

#endif
