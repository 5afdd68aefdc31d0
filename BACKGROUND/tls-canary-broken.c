/* tls-canary-broken.c: BROKEN. A function begins with one TLS base and ends with another.
 *
 * It finds another number at fs:0x28 than it had put in its frame, takes that for
 * a buffer overflow, and says "stack smashing detected". No stack was smashed. After
 * a restart this message means: you have not set the TLS base.
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
    (void)base;                                              /* BROKEN: not set again */
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
