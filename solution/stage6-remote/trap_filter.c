/*
 * trap_filter.c - the filter: a program for the kernel's little machine (seccomp(2), <linux/filter.h>), which it
 * runs before each system call.  It sees the number, the arguments, and the address of the instruction.
 *
 *     another ABI?                     -> ENOSYS
 *     the end of the gate?             -> SIGSYS      (aarch64: arch_trap.h)
 *     made by libckpt.so itself?       -> allow       (or the stubs could not do what they are for)
 *     pure memory, time, ...?          -> allow       (local_calls[]: the template's `local`)
 *     mmap() without a file?           -> allow
 *     all others                       -> SIGSYS
 */
#include "trap_filter.h"
#include "arch_trap.h"
#include "sys.h"
#include "syscall_stubs.h"

#include <linux/filter.h>
#include <linux/seccomp.h>

#define STEPS 700
#define FIELD(name) ((uint32_t)offsetof(struct seccomp_data, name))

struct filter {
    struct sock_filter steps[STEPS];
    size_t count;
};

/* Where the code of this library begins and ends: ld(1) defines them. */
extern const char __ehdr_start[] __attribute__((visibility("hidden")));
extern const char etext[] __attribute__((visibility("hidden")));

static void step(struct filter *f, int code, int jump_true, int jump_false, uint32_t k)
{
    if (f->count < STEPS)
        f->steps[f->count++] = (struct sock_filter){(uint16_t)code, (uint8_t)jump_true, (uint8_t)jump_false, k};
}

static void load(struct filter *f, uint32_t field)
{
    step(f, BPF_LD | BPF_W | BPF_ABS, 0, 0, field);
}

static void answer(struct filter *f, uint32_t action)
{
    step(f, BPF_RET | BPF_K, 0, 0, action);
}

/* If what was loaded is k: the answer is `action`. */
static void answer_if(struct filter *f, uint32_t k, uint32_t action)
{
    step(f, BPF_JMP | BPF_JEQ | BPF_K, 0, 1, k);
    answer(f, action);
}

/*
 * Allows what is called from addresses of our code.  The machine has 32 bits, an address 64: so it is compared in
 * two halves, once for each block of 4 GiB that our code lies in (one, nearly always; two at the most).
 */
static void allow_ours(struct filter *f)
{
    uint64_t start = (uint64_t)__ehdr_start, end = (uint64_t)etext;
    for (uint64_t block = start >> 32; block <= end >> 32; block++) {
        uint32_t low = block == start >> 32 ? (uint32_t)start : 0;
        uint32_t high = block == end >> 32 ? (uint32_t)end : UINT32_MAX;
        load(f, FIELD(instruction_pointer) + 4);
        step(f, BPF_JMP | BPF_JEQ | BPF_K, 0, 4, (uint32_t)block);
        load(f, FIELD(instruction_pointer));
        step(f, BPF_JMP | BPF_JGE | BPF_K, 0, 2, low);
        step(f, BPF_JMP | BPF_JGT | BPF_K, 1, 0, high);
        answer(f, SECCOMP_RET_ALLOW);
    }
}

/* Whatever call is made there. */
static void catch_end_of_gate(struct filter *f)
{
    if (ARCH_GATE_END == 0)
        return;
    load(f, FIELD(instruction_pointer) + 4);
    step(f, BPF_JMP | BPF_JEQ | BPF_K, 0, 3, (uint32_t)((uint64_t)ARCH_GATE_END >> 32));
    load(f, FIELD(instruction_pointer));
    answer_if(f, (uint32_t)ARCH_GATE_END, SECCOMP_RET_TRAP);
}

static void allow_local(struct filter *f)
{
    load(f, FIELD(nr));
    step(f, BPF_JMP | BPF_JGE | BPF_K, 0, 1, ARCH_STRANGE_CALLS);
    answer(f, SECCOMP_RET_ERRNO | ENOSYS);
    for (const int *call = local_calls; *call >= 0; call++)
        answer_if(f, (uint32_t)*call, SECCOMP_RET_ALLOW);
    step(f, BPF_JMP | BPF_JEQ | BPF_K, 0, 3, SYS_mmap);
    load(f, FIELD(args[3])); /* the lower half comes first: little-endian */
    step(f, BPF_JMP | BPF_JSET | BPF_K, 0, 1, MAP_ANONYMOUS);
    answer(f, SECCOMP_RET_ALLOW);
}

long trap_filter_install(void)
{
    static struct filter f;
    f.count = 0;
    load(&f, FIELD(arch));
    step(&f, BPF_JMP | BPF_JEQ | BPF_K, 1, 0, ARCH_AUDIT);
    answer(&f, SECCOMP_RET_ERRNO | ENOSYS);
    catch_end_of_gate(&f);
    allow_ours(&f);
    allow_local(&f);
    answer(&f, SECCOMP_RET_TRAP);
    if (f.count == STEPS)
        return -E2BIG;
    struct sock_fprog program = {(unsigned short)f.count, f.steps};
    long error = sys_call(SYS_prctl, PR_SET_NO_NEW_PRIVS, 1, 0, 0); /* without privilege this comes first */
    return error != 0 ? error : sys_call(SYS_seccomp, SECCOMP_SET_MODE_FILTER, 0, (long)&program, 0);
}
