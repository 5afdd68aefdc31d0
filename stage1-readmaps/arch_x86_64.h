/*
 * arch_x86_64.h - all that is special about x86-64: how a system call is made, where the thread
 * pointer lives, the numbers of this machine.  Nothing else in the lab knows a register's name.
 *
 * Sources: syscall(2) for the calling convention, arch_prctl(2) for the FS base, the System V
 * ABI for x86-64 (https://gitlab.com/x86-psABIs) for the rest.
 */
#ifndef CKPT_ARCH_X86_64_H
#define CKPT_ARCH_X86_64_H

#include <asm/prctl.h>
#include <elf.h>
#include <stdint.h>
#include <sys/syscall.h>

#define ARCH_ELF_MACHINE EM_X86_64
#define ARCH_MACHINE_NAME "x86-64"
#define ARCH_DYNAMIC_LINKER "ld-linux-x86-64.so.2" /* of glibc; the name in its path */
#define ARCH_PAGE_SIZE 4096UL
#define ARCH_USER_END 0x7ffffffff000UL /* the first address that no program can map (4-level paging) */
#define ARCH_THREAD_START(size) 0 /* glibc: struct pthread begins at the TLS base */
#define ARCH_RSEQ_SIGNATURE 0x53053053U /* glibc: sysdeps/unix/sysv/linux/x86/bits/rseq.h */
#define ARCH_PORTABLE_DEFAULT "x86-64-v2" /* ckpt --portable, and what its help says */
#define ARCH_PORTABLE_HELP \
    "libc uses no more than LEVEL has: x86-64-v2 (default; of 2009) or x86-64-v3 (of 2013).\n" \
    "                     It binds libc alone: what PROG or another library finds by itself, it uses\n"
#define ARCH_PROT_LANDING 0 /* code has no marks for its pages here */

/*
 * One system call.  The kernel takes the number in rax, the arguments in rdi, rsi, rdx, r10, r8
 * and r9; it destroys rcx and r11, and answers in rax: the result, or -errno (-4095 to -1).
 * Async-signal-safe; touches neither errno nor the thread's TLS.
 */
static inline long arch_syscall(long number, long a, long b, long c, long d, long e, long f)
{
    register long r10 __asm__("r10") = d;
    register long r8 __asm__("r8") = e;
    register long r9 __asm__("r9") = f;
    long result;
    __asm__ volatile("syscall"
                     : "=a"(result)
                     : "a"(number), "D"(a), "S"(b), "d"(c), "r"(r10), "r"(r8), "r"(r9)
                     : "rcx", "r11", "memory");
    return result;
}

/* The TLS base of the calling thread: where %fs points, and with it errno, the canary, the tid. */
static inline uint64_t arch_get_tls(void)
{
    uint64_t base = 0;
    arch_syscall(SYS_arch_prctl, ARCH_GET_FS, (long)&base, 0, 0, 0, 0);
    return base;
}

/* Returns 0 or -errno.  From here on every access to errno or a canary goes to the new place. */
static inline long arch_set_tls(uint64_t base)
{
    return arch_syscall(SYS_arch_prctl, ARCH_SET_FS, (long)base, 0, 0, 0, 0);
}

/* %gs is the program's to use; few do (Wine, some language runtimes). */
static inline uint64_t arch_get_gs(void)
{
    uint64_t base = 0;
    arch_syscall(SYS_arch_prctl, ARCH_GET_GS, (long)&base, 0, 0, 0, 0);
    return base;
}

static inline long arch_set_gs(uint64_t base)
{
    return arch_syscall(SYS_arch_prctl, ARCH_SET_GS, (long)base, 0, 0, 0, 0);
}

/*
 * What arch_prctl(2) lets a process ask for: bit 0, the instruction cpuid works (ARCH_SET_CPUID); the others,
 * state of the vector unit that must be asked for (ARCH_REQ_XCOMP_PERM: AMX is 18).  0: such an old kernel that
 * there is nothing.
 */
#define ARCH_XCOMP_GET 0x1022 /* Linux 5.16, <asm/prctl.h> */
#define ARCH_XCOMP_ASK 0x1023
#define ARCH_XCOMP_AMX 18 /* the tiles: all that must be asked for, so far */
#define ARCH_CPUID_GET 0x1011
#define ARCH_CPUID_SET 0x1012
#define ARCH_SHADOW_STACK_STATUS 0x5005 /* Linux 6.6 */
#define ARCH_SHADOW_STACK_OFF "glibc.cpu.x86_shstk=off" /* in GLIBC_TUNABLES */

static inline uint64_t arch_get_features(void)
{
    uint64_t state = 0;
    arch_syscall(SYS_arch_prctl, ARCH_XCOMP_GET, (long)&state, 0, 0, 0, 0);
    return (state & ~1UL) | (arch_syscall(SYS_arch_prctl, ARCH_CPUID_GET, 0, 0, 0, 0, 0) == 1);
}

/* From what it has to what it had.  0 or -errno. */
static inline long arch_set_features(uint64_t then, uint64_t now)
{
    long error = 0;
    if (then & ~now & (1UL << ARCH_XCOMP_AMX)) /* the others are there, or are not: another processor has others */
        error |= arch_syscall(SYS_arch_prctl, ARCH_XCOMP_ASK, ARCH_XCOMP_AMX, 0, 0, 0, 0);
    if ((then ^ now) & 1)
        error |= arch_syscall(SYS_arch_prctl, ARCH_CPUID_SET, (long)(then & 1), 0, 0, 0, 0);
    return error;
}

/* The processor's own copy of the return addresses: bit 0 is on where it has one. */
static inline int arch_has_shadow_stack(void)
{
    uint64_t features = 0;
    long error = arch_syscall(SYS_arch_prctl, ARCH_SHADOW_STACK_STATUS, (long)&features, 0, 0, 0, 0);
    return error == 0 && (features & 1);
}

/* Return addresses are not signed here; aarch64 has keys for that. */
static inline void arch_drop_keys(void)
{
}

static inline void arch_run_without_keys(void *frame)
{
}

static inline int arch_keys_stay(uint64_t hwcap)
{
    return 0;
}

/* Code was written to memory: this processor sees that by itself. */
static inline void arch_code_written(uint64_t start, uint64_t size)
{
}

static inline void arch_bytes_written(uint64_t start, uint64_t size, int prot)
{
}

/*
 * switch_stack_x86_64.S: makes `stack_top` (a multiple of 16) the stack and calls function(argument)
 * there.  Does not return: the old stack is about to go.
 */
__attribute__((noreturn)) void arch_call_on_stack(void *argument, void (*function)(void *),
                                                  void *stack_top);

#endif
