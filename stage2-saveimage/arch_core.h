/*
 * arch_core.h - the registers of x86-64, as the three structs name them that describe them:
 * ucontext_t (getcontext(3)), struct user_regs_struct (<sys/user.h>, in NT_PRSTATUS), and a table of
 * names for people.  How the first becomes the second is in arch_registers.h.  Async-signal-safe.  Given.
 */
#ifndef CKPT_ARCH_CORE_H
#define CKPT_ARCH_CORE_H

#if defined(__aarch64__) /* all that follows is x86-64's */
#include "arch_registers_aarch64.h"
#else

#include "arch.h"

#include <errno.h>
#include <stddef.h>
#include <sys/user.h>
#include <ucontext.h>

/*
 * What the kernel saved when it called the handler whose frame this is (__builtin_frame_address(0) in it): the
 * handler's return address is the first word of the signal frame, and the ucontext_t the next.
 */
static inline ucontext_t *arch_signal_context(void *handler_frame)
{
    return (ucontext_t *)((char *)handler_frame + 16); // NOLINT
}

/* A read() that would be made again when the handler returns (SA_RESTART) fails with EINTR instead. */
static inline void arch_interrupt_read(ucontext_t *context)
{
    greg_t *regs = context->uc_mcontext.gregs;
    const char *code = (const char *)regs[REG_RIP]; // NOLINT
    if (regs[REG_RAX] != SYS_read || code[0] != 0x0f || code[1] != 0x05) /* the instruction `syscall` */
        return;
    regs[REG_RIP] += 2;
    regs[REG_RAX] = -EINTR;
}

/* The instruction and the stack that a context returns to. */
static inline uint64_t arch_frame_code(const ucontext_t *context)
{
    return (uint64_t)context->uc_mcontext.gregs[REG_RIP];
}

static inline uint64_t arch_frame_stack(const ucontext_t *context)
{
    return (uint64_t)context->uc_mcontext.gregs[REG_RSP];
}

/* All registers that a core file tells of.  Here the TLS base is among those of NT_PRSTATUS. */
struct arch_core {
    struct user_regs_struct general;
};
#define ARCH_TLS_NOTE 0 /* the type of a note of its own; here there is none */

static inline uint64_t arch_core_code(const struct arch_core *core)
{
    return core->general.rip;
}

static inline uint64_t arch_core_stack(const struct arch_core *core)
{
    return core->general.rsp;
}

static inline uint64_t arch_core_tls(const struct arch_core *core)
{
    return core->general.fs_base;
}

static inline uint64_t arch_core_gs(const struct arch_core *core)
{
    return core->general.gs_base;
}

static inline void arch_core_put_tls(struct arch_core *core, uint64_t tls)
{
}

#define ARCH_CODE_NAME "rip" /* as gdb calls them */
#define ARCH_STACK_NAME "rsp"
#define ARCH_TLS_NAME "fs_base"

/* The registers in a fixed order, for printing. */
struct arch_register {
    const char *name;
    size_t offset; /* in struct arch_core */
};

#define ARCH_REGISTER(name) {#name, offsetof(struct arch_core, general.name)}
static const struct arch_register arch_registers[] = {
    ARCH_REGISTER(rip), ARCH_REGISTER(rsp), ARCH_REGISTER(rbp), ARCH_REGISTER(rbx), ARCH_REGISTER(r12),
    ARCH_REGISTER(r13), ARCH_REGISTER(r14), ARCH_REGISTER(r15), ARCH_REGISTER(rax), ARCH_REGISTER(rcx),
    ARCH_REGISTER(rdx), ARCH_REGISTER(rsi), ARCH_REGISTER(rdi), ARCH_REGISTER(r8), ARCH_REGISTER(r9),
    ARCH_REGISTER(r10), ARCH_REGISTER(r11), ARCH_REGISTER(eflags), ARCH_REGISTER(orig_rax),
    ARCH_REGISTER(cs), ARCH_REGISTER(ss), ARCH_REGISTER(fs_base), ARCH_REGISTER(gs_base),
};
#define ARCH_REGISTER_COUNT (sizeof arch_registers / sizeof *arch_registers)

#endif
#endif
