/*
 * arch_aarch64.h - all that is special about aarch64 (arm64): how a system call is made, where the thread pointer
 * lives, the numbers of this machine.
 *
 * Sources: syscall(2) for the calling convention; Arm's "Procedure Call Standard" (https://github.com/ARM-software/
 * abi-aa, aapcs64); Documentation/arch/arm64/ in the kernel's source for memory, tags and keys.
 */
#ifndef CKPT_ARCH_AARCH64_H
#define CKPT_ARCH_AARCH64_H

#include <elf.h>
#include <stdint.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/syscall.h>

#define ARCH_ELF_MACHINE EM_AARCH64
#define ARCH_MACHINE_NAME "aarch64"
#define ARCH_DYNAMIC_LINKER "ld-linux-aarch64.so.1" /* of glibc; the name in its path */
#ifndef ARCH_PAGE_SIZE /* arch.mk: of the kernel that it is built for */
#define ARCH_PAGE_SIZE 4096UL
#endif
#define ARCH_THREAD_START(size) (-(int64_t)(size)) /* glibc: struct pthread lies before the TLS base */
#define ARCH_RSEQ_SIGNATURE 0xd428bc00U /* glibc: sysdeps/unix/sysv/linux/aarch64/bits/rseq.h: brk #0x45e0 */
#define ARCH_PORTABLE_DEFAULT "" /* ckpt --portable, and what its help says */
#define ARCH_PORTABLE_HELP "is refused on aarch64: libc cannot be bound there to less than the processor has\n"
#define ARCH_PROT_LANDING 0x10 /* PROT_BTI, mprotect(2): Linux 5.8 */

/*
 * One system call.  The kernel takes the number in x8, the arguments in x0 to x5, and answers in x0: the result, or
 * -errno (-4095 to -1).  It changes no other register.  Async-signal-safe; touches neither errno nor the TLS.
 */
static inline long arch_syscall(long number, long a, long b, long c, long d, long e, long f)
{
    register long x8 __asm__("x8") = number;
    register long x0 __asm__("x0") = a;
    register long x1 __asm__("x1") = b;
    register long x2 __asm__("x2") = c;
    register long x3 __asm__("x3") = d;
    register long x4 __asm__("x4") = e;
    register long x5 __asm__("x5") = f;
    __asm__ volatile("svc #0" : "+r"(x0) : "r"(x8), "r"(x1), "r"(x2), "r"(x3), "r"(x4), "r"(x5) : "memory");
    return x0;
}

/* The first address that no program can map is 1 << 48, but some kernels have 47, 42, 39 or 36 bits (Raspberry Pi
 * OS, pages of 16 and 64 KiB), and nothing says so.  Where a page can be mapped, or one is, addresses are fine. */
#define ARCH_USER_END arch_user_end()

static inline uint64_t arch_user_end(void)
{
    const uint64_t size = 65536; /* a multiple of all page sizes */
    static const uint8_t bits[] = {48, 47, 42, 39};
    for (unsigned i = 0; i < sizeof bits; i++) {
        long at = (long)((1UL << bits[i]) - size);
        int flags = MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE | MAP_FIXED_NOREPLACE;
        long got = arch_syscall(SYS_mmap, at, (long)size, PROT_NONE, flags, -1, 0);
        if (got == at)
            arch_syscall(SYS_munmap, at, (long)size, 0, 0, 0, 0);
        if (got == at || got == -17) /* EEXIST */
            return 1UL << bits[i];
    }
    return 1UL << 36;
}

/* The TLS base of the calling thread: the register tpidr_el0, and with it errno, the tid. */
static inline uint64_t arch_get_tls(void)
{
    uint64_t base;
    __asm__ volatile("mrs %0, tpidr_el0" : "=r"(base));
    return base;
}

/* Always 0.  From here on every access to errno goes to the new place. */
static inline long arch_set_tls(uint64_t base)
{
    __asm__ volatile("msr tpidr_el0, %0" : : "r"(base) : "memory");
    return 0;
}

/* There is no second one for programs to use. */
static inline uint64_t arch_get_gs(void)
{
    return 0;
}

static inline long arch_set_gs(uint64_t base)
{
    return base == 0 ? 0 : -22; /* EINVAL */
}

#ifndef PR_GET_TAGGED_ADDR_CTRL /* Linux 5.4 */
#define PR_SET_TAGGED_ADDR_CTRL 55
#define PR_GET_TAGGED_ADDR_CTRL 56
#endif
#ifndef PR_PAC_SET_ENABLED_KEYS /* Linux 5.13 */
#define PR_PAC_SET_ENABLED_KEYS 60
#define PR_PAC_GET_ENABLED_KEYS 61
#endif
#define ARCH_SHADOW_STACK_OFF "glibc.cpu.aarch64_gcs=0" /* in GLIBC_TUNABLES */
#define ARCH_KEYS 15 /* PR_PAC_APIAKEY, APIBKEY, APDAKEY, APDBKEY: those that sign addresses */

/* What prctl(2) lets a process ask for: tagged addresses and how tags of memory are checked. */
static inline uint64_t arch_get_features(void)
{
    long control = arch_syscall(SYS_prctl, PR_GET_TAGGED_ADDR_CTRL, 0, 0, 0, 0, 0);
    return control > 0 ? (uint64_t)control : 0;
}

/* From what it has to what it had.  0 or -errno. */
static inline long arch_set_features(uint64_t then, uint64_t now)
{
    return then == now ? 0 : arch_syscall(SYS_prctl, PR_SET_TAGGED_ADDR_CTRL, (long)then, 0, 0, 0, 0);
}

/* Guarded control stacks (Linux 6.13): bit 0 is on where the processor keeps its own copy of return addresses. */
static inline int arch_has_shadow_stack(void)
{
    uint64_t mode = 0;
    const long get_status = 74; /* PR_GET_SHADOW_STACK_STATUS */
    return arch_syscall(SYS_prctl, get_status, (long)&mode, 0, 0, 0, 0) == 0 && (mode & 1);
}

/*
 * Processors from Armv8.3 on sign return addresses with keys that the kernel draws anew at each
 * execve(2); no system call gives a program its own keys.  So that it can go on in another process, it does without
 * them: from here on, signing and checking do nothing.  Where there are no keys, this does nothing.
 */
static inline void arch_drop_keys(void)
{
    arch_syscall(SYS_prctl, PR_PAC_SET_ENABLED_KEYS, ARCH_KEYS, 0, 0, 0, 0);
}

/*
 * The same in a running program: the addresses that callers have signed already lose their signatures (xpaclri).
 * Each frame begins with that of its caller, and the return address; the outermost has 0.
 */
static inline void arch_run_without_keys(void *frame)
{
    if (arch_syscall(SYS_prctl, PR_PAC_GET_ENABLED_KEYS, 0, 0, 0, 0, 0) <= 0)
        return;
    for (uint64_t *at = frame, *next; at != 0; at = next) {
        register uint64_t x30 __asm__("x30") = at[1];
        __asm__("hint #7" : "+r"(x30));
        at[1] = x30;
        next = (uint64_t *)at[0]; // NOLINT: an address becomes a pointer here
        if (next <= at)
            break;
    }
    arch_drop_keys();
}

/* True: addresses are signed still, since kernels before 5.13 cannot do without.  hwcap: getauxval(AT_HWCAP). */
static inline int arch_keys_stay(uint64_t hwcap)
{
    const uint64_t paca = 1UL << 30; /* HWCAP_PACA */
    return (hwcap & paca) && arch_syscall(SYS_prctl, PR_PAC_GET_ENABLED_KEYS, 0, 0, 0, 0, 0) != 0;
}

/*
 * Code was written to memory, from `start` on: the processor must not run what its cache of instructions still has
 * there (Arm's manual, B2.4.4).  The memory must be readable.
 */
static inline void arch_code_written(uint64_t start, uint64_t size)
{
    uint64_t sizes, end = start + size;
    __asm__ volatile("mrs %0, ctr_el0" : "=r"(sizes));
    uint64_t data = 4UL << (sizes >> 16 & 15), code = 4UL << (sizes & 15);
    for (uint64_t at = start & ~(data - 1); at < end; at += data)
        __asm__ volatile("dc cvau, %0" : : "r"(at) : "memory");
    __asm__ volatile("dsb ish" : : : "memory");
    for (uint64_t at = start & ~(code - 1); at < end; at += code)
        __asm__ volatile("ic ivau, %0" : : "r"(at) : "memory");
    __asm__ volatile("dsb ish\n\tisb" : : : "memory");
}

/* The same, for memory that may be code, with this protection. */
static inline void arch_bytes_written(uint64_t start, uint64_t size, int prot)
{
    if ((prot & (PROT_READ | PROT_EXEC)) == (PROT_READ | PROT_EXEC))
        arch_code_written(start, size);
}

/*
 * switch_stack_aarch64.S: makes `stack_top` (a multiple of 16) the stack and calls function(argument)
 * there.  Does not return: the old stack is about to go.
 */
__attribute__((noreturn)) void arch_call_on_stack(void *argument, void (*function)(void *),
                                                  void *stack_top);

#endif
