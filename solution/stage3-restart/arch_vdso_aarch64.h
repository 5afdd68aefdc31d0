/*
 * arch_vdso_aarch64.h - what a bridge to another vdso is made of, and how a program gets out of its vdso: aarch64.
 *
 * The functions of the vdso are called like those of C (aapcs64), and answer a result or -errno, as system calls
 * do, with the arguments where syscall(2) wants them.  Source of names and arguments: vdso(7); arch/arm64/kernel/
 * vdso/vdso.lds.S in the kernel's source.  All handlers return into the vdso: to rt_sigreturn, two
 * instructions that are the same in all kernels.
 */
#ifndef CKPT_ARCH_VDSO_AARCH64_H
#define CKPT_ARCH_VDSO_AARCH64_H

#include "arch_core.h"
#include "sys.h"

#ifndef SYS_getrandom
#define SYS_getrandom 278
#endif

#define ARCH_VDSO_PREFIX "__kernel_"
#define ARCH_VDSO_CODE 32 /* bytes: at the most this much is written to the beginning of a function */

#define ARCH_CODE_MOV_X8 0xd2800008U /* mov x8, #N: N is 16 bits, from bit 5 on */
#define ARCH_CODE_RET 0xd65f03c0U
#define ARCH_CODE_STOP 0xd42356e0U /* brk #0x1ab7: ours */

static inline size_t arch_vdso_put(uint8_t *code, const uint32_t *instructions, size_t size)
{
    memcpy(code, instructions, size);
    return size;
}

/* ldr x16, 1f; br x16; 1: the address.  x16 is for such things (aapcs64, 6.1.1). */
static inline size_t arch_vdso_jump(uint8_t *code, uint64_t to)
{
    const uint32_t jump[] = {0x58000050, 0xd61f0200};
    memcpy(code + sizeof jump, &to, sizeof to);
    return arch_vdso_put(code, jump, sizeof jump) + sizeof to;
}

static inline bool arch_vdso_is_jump(const uint8_t *code)
{
    return code[0] == 0x50 && code[3] == 0x58;
}

/* mov x8, #number; svc #0; ret */
static inline size_t arch_vdso_call(uint8_t *code, uint32_t number)
{
    const uint32_t call[] = {ARCH_CODE_MOV_X8 | number << 5, ARCH_CALL, ARCH_CODE_RET};
    return arch_vdso_put(code, call, number == SYS_rt_sigreturn ? sizeof call - sizeof *call : sizeof call);
}

/*
 * __kernel_getrandom(buffer, length, flags, state, state_size): the state is memory of the caller's, whose layout
 * is its kernel's secret.  So it is a system call under all other kernels.  Who asks how large a state is
 * (state_size is -1) hears that there is none: libc then makes system calls by itself.
 *
 *     cmn x4, #1; b.ne 1f; mov x0, #-ENOSYS; ret; 1: mov x8, #SYS_getrandom; svc #0; ret
 */
static inline size_t arch_vdso_random(uint8_t *code)
{
    const uint32_t ask[] = {0xb100049f, 0x54000061, 0x92800000U | (ENOSYS - 1) << 5, ARCH_CODE_RET};
    arch_vdso_put(code, ask, sizeof ask);
    return sizeof ask + arch_vdso_call(code + sizeof ask, SYS_getrandom);
}

/* The code for the function `name` (without prefix), which this kernel has at `here` (0: has not).  Returns its
 * size; 0: nobody knows what it is. */
static inline size_t arch_vdso_bridge(uint8_t *code, const char *name, uint64_t here)
{
    static const struct {
        const char *name;
        uint32_t number;
    } calls[] = {{"clock_gettime", SYS_clock_gettime}, {"gettimeofday", SYS_gettimeofday},
                 {"clock_getres", SYS_clock_getres}};
    if (strcmp(name, "rt_sigreturn") == 0)
        return arch_vdso_call(code, SYS_rt_sigreturn);
    if (strcmp(name, "getrandom") == 0)
        return arch_vdso_random(code);
    if (here != 0)
        return arch_vdso_jump(code, here);
    for (size_t i = 0; i < sizeof calls / sizeof *calls; i++)
        if (strcmp(name, calls[i].name) == 0)
            return arch_vdso_call(code, calls[i].number);
    return 0;
}

/* A frame is found by the first of its records; `restorer` is not in it. */
static inline uint64_t arch_frame_word(uint64_t restorer)
{
    return ARCH_FRAME_MARK;
}

#define ARCH_FRAME_BEFORE_WORD ((int64_t)ARCH_RECORDS) /* bytes: where the ucontext_t is, before that word */

static inline bool arch_is_frame(uint64_t at, ucontext_t *to)
{
    return sys_peek(at, to, sizeof *to) && arch_is_whole_frame(at);
}

/* Is it the code that ends a handler?  That is the same everywhere, and no other's data is read. */
static inline bool arch_is_ending(const ucontext_t *context)
{
    uint32_t code = 0;
    const uint32_t number = ARCH_CODE_MOV_X8 | SYS_rt_sigreturn << 5;
    return sys_peek(context->uc_mcontext.pc, &code, sizeof code) &&
           (code == number || (code == ARCH_CALL && context->uc_mcontext.regs[8] == SYS_rt_sigreturn));
}

/*
 * A program cannot ask for single steps.  So each `ret` of the vdso (from `start` on, `size` bytes) is a breakpoint
 * for this while; the pages are the process's own from the first change on.
 */
static inline void arch_frame_step(ucontext_t *context, bool on, uint64_t start, uint64_t size)
{
    uint32_t from = on ? ARCH_CODE_RET : ARCH_CODE_STOP;
    if (sys_mprotect(start, size, PROT_READ | PROT_WRITE | PROT_EXEC) != 0)
        return;
    for (uint32_t *code = (uint32_t *)start; (uint64_t)code < start + size; code++) // NOLINT
        if (*code == from)
            *code = on ? ARCH_CODE_STOP : ARCH_CODE_RET;
    arch_code_written(start, size);
    sys_mprotect(start, size, PROT_READ | PROT_EXEC);
}

/* SIGTRAP has come: what the breakpoint replaced is done. */
static inline void arch_frame_stepped(ucontext_t *context)
{
    uint32_t code = 0;
    if (sys_peek(context->uc_mcontext.pc, &code, sizeof code) && code == ARCH_CODE_STOP)
        context->uc_mcontext.pc = context->uc_mcontext.regs[30];
}

#endif
