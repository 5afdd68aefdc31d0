/*
 * arch_vdso_x86_64.h - what a bridge to another vdso is made of, and how a program gets out of its vdso: x86-64.
 *
 * The functions of the vdso are called like those of C (System V ABI), and answer a result or -errno, as system
 * calls do.  None has more than three arguments that matter, and these are where syscall(2) wants them. Source of
 * names and arguments: vdso(7); arch/x86/entry/vdso/vdso.lds.S in the kernel's source.
 */
#ifndef CKPT_ARCH_VDSO_X86_64_H
#define CKPT_ARCH_VDSO_X86_64_H

#include "arch.h"
#include "arch_platform.h"
#include "arch_core.h"
#include "sys.h"

#include <errno.h>
#include <stdbool.h>
#include <stddef.h>
#include <string.h>
#include <sys/syscall.h>
#include <ucontext.h>

#ifndef SYS_getrandom
#define SYS_getrandom 318
#endif

#define ARCH_VDSO_PREFIX "__vdso_" /* each function has two names: time and __vdso_time */
#define ARCH_VDSO_CODE 22          /* bytes: at the most this much is written to the beginning of a function */

/*
 * jmp *0(%rip), and behind it the address: changes no register, and reaches all addresses.
 *
 * The instruction that a signal may find the program at is the first one only, and that is one wherever it leads
 * to.
 */
static inline size_t arch_vdso_jump(uint8_t *code, uint64_t to)
{
    static const uint8_t jump[] = {0xff, 0x25, 0, 0, 0, 0};
    memcpy(code, jump, sizeof jump);
    memcpy(code + sizeof jump, &to, sizeof to);
    return sizeof jump + sizeof to;
}

static inline bool arch_vdso_is_jump(const uint8_t *code)
{
    return code[0] == 0xff;
}

/* mov $number, %eax; syscall; ret */
static inline size_t arch_vdso_call(uint8_t *code, uint32_t number)
{
    static const uint8_t call[] = {0xb8, 0, 0, 0, 0, 0x0f, 0x05, 0xc3};
    memcpy(code, call, sizeof call);
    memcpy(code + 1, &number, sizeof number);
    return sizeof call;
}

/* mov $-ENOSYS, %rax; ret */
static inline size_t arch_vdso_none(uint8_t *code)
{
    static const uint8_t none[] = {0x48, 0xc7, 0xc0, (uint8_t)-ENOSYS, 0xff, 0xff, 0xff, 0xc3};
    memcpy(code, none, sizeof none);
    return sizeof none;
}

/*
 * __vdso_getrandom(buffer, length, flags, state, state_size): the state is memory of the caller's, whose layout is
 * its kernel's secret, and so is the counter in it that says when new numbers are due.  So it is a system call
 * under all other kernels, which needs no state.  Who asks how large a state is (state_size is -1) hears that
 * there is none: libc then makes system calls by itself.
 *
 *     cmp $-1, %r8; je 1f; mov $SYS_getrandom, %eax; syscall; ret; 1: mov $-ENOSYS, %rax; ret
 */
static inline size_t arch_vdso_random(uint8_t *code)
{
    static const uint8_t ask[] = {0x49, 0x83, 0xf8, 0xff, 0x74, 8};
    memcpy(code, ask, sizeof ask);
    size_t size = sizeof ask + arch_vdso_call(code + sizeof ask, SYS_getrandom);
    return size + arch_vdso_none(code + size);
}

/*
 * The code for the function `name` (without prefix), which this kernel has at `here` (0: has not).  Returns its
 * size; 0: nobody knows what it is.  An enclave (SGX) is memory of a device, so no program that has one comes
 * back.
 */
static inline size_t arch_vdso_bridge(uint8_t *code, const char *name, uint64_t here)
{
    static const struct {
        const char *name;
        uint32_t number;
    } calls[] = {{"clock_gettime", SYS_clock_gettime}, {"gettimeofday", SYS_gettimeofday}, {"time", SYS_time},
                 {"clock_getres", SYS_clock_getres},   {"getcpu", SYS_getcpu}};
    if (strcmp(name, "getrandom") == 0)
        return arch_vdso_random(code);
    if (here != 0)
        return arch_vdso_jump(code, here);
    for (size_t i = 0; i < sizeof calls / sizeof *calls; i++)
        if (strcmp(name, calls[i].name) == 0)
            return arch_vdso_call(code, calls[i].number);
    return strcmp(name, "sgx_enter_enclave") == 0 ? arch_vdso_none(code) : 0;
}

/* A frame begins with the address of the code that ends a handler; behind it is the ucontext_t. */
static inline uint64_t arch_frame_word(uint64_t restorer)
{
    return restorer;
}

#define ARCH_FRAME_BEFORE_WORD (-8L) /* bytes: where the ucontext_t is, before that word */

/* Only user code has this selector, so few other words of memory look like a signal's frame. */
static inline bool arch_is_frame(uint64_t at, ucontext_t *to)
{
    return sys_peek(at, to, offsetof(ucontext_t, uc_sigmask)) &&
           (to->uc_mcontext.gregs[REG_CSGSFS] & 0xffff) == 0x33;
}

/* The code that ends a handler is libc's: it is not in the vdso. */
static inline bool arch_is_ending(const ucontext_t *context)
{
    return false;
}

/*
 * Is there a whole frame of a signal at this address?  The kernel puts the vector registers just above it, between
 * two marks; an old frame, of which something was overwritten, has lost one of them (<asm/sigcontext.h>).
 */
static inline bool arch_is_whole_frame(uint64_t at)
{
    ucontext_t frame;
    struct _fpx_sw_bytes mark;
    uint32_t end = 0;
    if (!arch_is_frame(at, &frame))
        return false;
    uint64_t vectors = (uint64_t)frame.uc_mcontext.fpregs;
    if (vectors % 64 != 0 || vectors <= at || vectors - at > 1024 ||
        !sys_peek(vectors + ARCH_AREA_MARK, &mark, sizeof mark) || mark.magic1 != FP_XSTATE_MAGIC1)
        return false;
    return mark.xstate_size == ARCH_AREA_LEGACY || /* without XSAVE: no second mark */
           (sys_peek(vectors + mark.xstate_size, &end, sizeof end) && end == FP_XSTATE_MAGIC2);
}

/* The trap flag: SIGTRAP comes after each instruction (the kernel takes it off while a handler runs). */
static inline void arch_frame_step(ucontext_t *context, bool on, uint64_t start, uint64_t size)
{
    greg_t trap = 0x100;
    greg_t *flags = &context->uc_mcontext.gregs[REG_EFL];
    *flags = on ? *flags | trap : *flags & ~trap;
}

/* SIGTRAP has come: nothing is left to do. */
static inline void arch_frame_stepped(ucontext_t *context)
{
}

#endif
