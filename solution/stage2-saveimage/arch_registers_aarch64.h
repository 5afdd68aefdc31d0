/*
 * arch_registers_aarch64.h - the registers of aarch64, as the three structs name them that describe them:
 * ucontext_t (getcontext(3)), struct user_regs_struct (<sys/user.h>, in NT_PRSTATUS), and a table of
 * names for people.  Async-signal-safe.  Included by arch_core.h.  Given.
 *
 * The frame of a signal (Linux, arch/arm64/kernel/signal.c, rt_sigframe; <asm/sigcontext.h> has the records):
 *
 *     low                                                                                   high
 *     | siginfo_t | ucontext_t: registers, and 4 KiB of records: vectors... | x29, x30 | stack that was in use
 *     ^ sp at the handler's first instruction                               ^ x29 there
 */
#ifndef CKPT_ARCH_REGISTERS_AARCH64_H
#define CKPT_ARCH_REGISTERS_AARCH64_H

#include "sys.h"

#include <asm/sigcontext.h>
#include <sys/user.h>
#include <ucontext.h>

#define ARCH_RECORDS offsetof(ucontext_t, uc_mcontext.__reserved) /* where they are in a ucontext_t */
#define ARCH_RECORDS_SIZE 4096
#define ARCH_CALL 0xd4000001U /* the instruction svc #0 */

/* From what getcontext() filled in to what a core file holds. */
static inline void arch_core_registers(struct user_regs_struct *to, const ucontext_t *from)
{
    for (int i = 0; i < 31; i++)
        to->regs[i] = from->uc_mcontext.regs[i];
    to->sp = from->uc_mcontext.sp;
    to->pc = from->uc_mcontext.pc;
    to->pstate = from->uc_mcontext.pstate;
}

/* The first record, always, is that of the vectors: this word, and 520 bytes. */
#define ARCH_FRAME_MARK ((uint64_t)sizeof(struct fpsimd_context) << 32 | FPSIMD_MAGIC)

/* Where the frame of this ucontext_t has x29 and x30: behind the records, or behind those that had no room. */
static inline uint64_t arch_frame_pair(uint64_t context, const ucontext_t *frame)
{
    const unsigned char *records = (const unsigned char *)frame + ARCH_RECORDS;
    struct extra_context extra;
    for (uint32_t at = 0; at + sizeof extra <= ARCH_RECORDS_SIZE; at += extra.head.size) {
        memcpy(&extra, records + at, sizeof extra);
        if (extra.head.magic == EXTRA_MAGIC)
            return round_up(extra.datap + extra.size, 16);
        if (extra.head.magic == 0 || extra.head.size < 16)
            break;
    }
    return round_up(context + sizeof *frame, 16);
}

/*
 * Has the kernel put a frame there?  getcontext() fills a ucontext_t just so; but only the kernel's has behind it
 * what the program's frame record is.
 */
static inline bool arch_is_whole_frame(uint64_t at)
{
    ucontext_t frame;
    uint64_t pair[2];
    return at % 16 == 0 && sys_peek(at, &frame, sizeof frame) &&
           memcmp((char *)&frame + ARCH_RECORDS, &(uint64_t){ARCH_FRAME_MARK}, sizeof(uint64_t)) == 0 &&
           sys_peek(arch_frame_pair(at, &frame), pair, sizeof pair) && pair[0] == frame.uc_mcontext.regs[29] &&
           pair[1] == frame.uc_mcontext.regs[30];
}

/*
 * What the kernel saved when it called the handler whose frame this is (__builtin_frame_address(0) in it): the
 * handler's caller has its record behind the signal frame.  How large the handler's own frame is, nobody knows.
 */
static inline ucontext_t *arch_signal_context(void *handler_frame)
{
    uint64_t at = (uint64_t)handler_frame, end = *(uint64_t *)handler_frame;
    for (; at < end; at += 16)
        if (*(uint64_t *)(at + ARCH_RECORDS) == ARCH_FRAME_MARK && arch_is_whole_frame(at)) // NOLINT
            return (ucontext_t *)at; // NOLINT: an address becomes a pointer here
    return handler_frame; /* a handler of the program's called ours: it is no frame of the kernel's */
}

/* A read() that would be made again when the handler returns (SA_RESTART) fails with EINTR instead. */
static inline void arch_interrupt_read(ucontext_t *context)
{
    mcontext_t *m = &context->uc_mcontext;
    if (m->regs[8] != SYS_read || *(const uint32_t *)m->pc != ARCH_CALL) // NOLINT
        return;
    m->pc += sizeof(uint32_t);
    m->regs[0] = (uint64_t)-EINTR;
}

/* The instruction and the stack that a context returns to. */
static inline uint64_t arch_frame_code(const ucontext_t *context)
{
    return context->uc_mcontext.pc;
}

static inline uint64_t arch_frame_stack(const ucontext_t *context)
{
    return context->uc_mcontext.sp;
}

/* All registers that a core file tells of.  The TLS base has a note of its own, after NT_PRSTATUS. */
struct arch_core {
    struct user_regs_struct general;
    uint64_t tpidr;
};
#define ARCH_TLS_NOTE NT_ARM_TLS

static inline uint64_t arch_core_code(const struct arch_core *core)
{
    return core->general.pc;
}

static inline uint64_t arch_core_stack(const struct arch_core *core)
{
    return core->general.sp;
}

static inline uint64_t arch_core_tls(const struct arch_core *core)
{
    return core->tpidr;
}

static inline uint64_t arch_core_gs(const struct arch_core *core)
{
    return 0;
}

static inline void arch_core_put_tls(struct arch_core *core, uint64_t tls)
{
    core->tpidr = tls;
}

#define ARCH_CODE_NAME "pc" /* as gdb calls them */
#define ARCH_STACK_NAME "sp"
#define ARCH_TLS_NAME "tpidr"

/* The registers in a fixed order, for printing. */
struct arch_register {
    const char *name;
    size_t offset; /* in struct arch_core */
};

#define ARCH_REGISTER(number) {"x" #number, offsetof(struct arch_core, general.regs[number])}
static const struct arch_register arch_registers[] = {
    {"pc", offsetof(struct arch_core, general.pc)}, {"sp", offsetof(struct arch_core, general.sp)},
    ARCH_REGISTER(29), ARCH_REGISTER(30), ARCH_REGISTER(19), ARCH_REGISTER(20), ARCH_REGISTER(21),
    ARCH_REGISTER(22), ARCH_REGISTER(23), ARCH_REGISTER(24), ARCH_REGISTER(25), ARCH_REGISTER(26),
    ARCH_REGISTER(27), ARCH_REGISTER(28), ARCH_REGISTER(0), ARCH_REGISTER(1), ARCH_REGISTER(2),
    ARCH_REGISTER(3), ARCH_REGISTER(4), ARCH_REGISTER(5), ARCH_REGISTER(6), ARCH_REGISTER(7),
    ARCH_REGISTER(8), ARCH_REGISTER(9), ARCH_REGISTER(10), ARCH_REGISTER(11), ARCH_REGISTER(12),
    ARCH_REGISTER(13), ARCH_REGISTER(14), ARCH_REGISTER(15), ARCH_REGISTER(16), ARCH_REGISTER(17),
    ARCH_REGISTER(18), {"pstate", offsetof(struct arch_core, general.pstate)},
    {ARCH_TLS_NAME, offsetof(struct arch_core, tpidr)},
};
#define ARCH_REGISTER_COUNT (sizeof arch_registers / sizeof *arch_registers)

#endif
