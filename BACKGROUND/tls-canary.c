/* tls-canary.c: the canary comes from thread-local storage, and so needs the right TLS base.
 *
 * A protected function copies a secret number, the canary, to its frame when it
 * begins, and compares the two when it ends. The secret is at fs:0x28: register fs is the TLS
 * base. setcontext() does not load fs. After a restart it is still that of
 * `restart`, another process with another secret, unless you set it.
 */
#include <asm/prctl.h>
#include <stdio.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

/* The foreign block: laid out as ours is, with fs in the middle, and its own secret. */
enum { BELOW = 512, ABOVE = 1024 };
static _Alignas(64) char foreign[BELOW + ABOVE];

/* x86-64: arch_prctl as one instruction, in no function of its own: that would be
 * protected as well. */
__attribute__((always_inline)) static inline long arch_prctl(long code, unsigned long address)
{
    long rax = SYS_arch_prctl;

    __asm__ volatile("syscall" : "+a"(rax) : "D"(code), "S"(address) : "rcx", "r11", "memory");
    return rax;
}

static void make_foreign_block(unsigned long base)
{
    memcpy(foreign, (char *)base - BELOW, sizeof foreign);
    foreign[BELOW + 0x28 + 1] ^= 0x55; /* another process: another canary */
}

/* Compiled with -fstack-protector-all: looks at fs:0x28 when it begins and ends. */
__attribute__((noinline)) static void restored_function(unsigned long base)
{
    arch_prctl(ARCH_SET_FS, (unsigned long)foreign + BELOW); /* as setcontext leaves it */
    arch_prctl(ARCH_SET_FS, base);                           /* the fix: our own again */
}

int main(void)
{
    unsigned long base = 0;

    arch_prctl(ARCH_GET_FS, (unsigned long)&base);
    make_foreign_block(base);
    printf("our TLS base: %#lx, a foreign one: %p\n", base, (void *)(foreign + BELOW));
    fflush(stdout);
    restored_function(base);
    printf("the function has returned, the canary was right\n");
    return 0;
}
