/* tls-canary-broken_aarch64.c: BROKEN. A function begins with one TLS base and goes on with another.
 *
 * It finds another errno than it had. Here the foreign memory is there; after a restart it
 * is gone, and the program dies where it looks at errno. (There is no canary in this one: on
 * arm64 the secret number is a variable of ld.so's.)
 */
#include <errno.h>
#include <stdio.h>
#include <string.h>

/* The foreign block: laid out as ours is, behind its base, with its own errno. */
enum { ABOVE = 1024 };
static _Alignas(64) char foreign[ABOVE];

/* arm64: an instruction of the program's own; there is no system call for it. */
static unsigned long get_tls(void)
{
    unsigned long base;

    __asm__ volatile("mrs %0, tpidr_el0" : "=r"(base));
    return base;
}

static void set_tls(unsigned long base)
{
    __asm__ volatile("msr tpidr_el0, %0" : : "r"(base) : "memory");
}

/* Where errno is, is asked anew: a compiler may remember it within a function. */
__attribute__((noinline)) static int errno_now(void)
{
    return errno;
}

__attribute__((noinline)) static int restored_function(unsigned long base)
{
    set_tls((unsigned long)foreign); /* as setcontext leaves it */
    (void)base;                      /* BROKEN: not set again */
    return errno_now();
}

int main(void)
{
    unsigned long base = get_tls();

    errno = 0;
    memcpy(foreign, (char *)base, sizeof foreign);
    errno = 7;
    printf("our TLS base: %#lx, a foreign one: %p\n", base, (void *)foreign);
    fflush(stdout);
    errno = 7;
    int seen = restored_function(base);
    set_tls(base); /* this demo shall end well: printf() needs its own, too */
    printf("errno was 7, the function saw %d\n", seen);
    return seen != 7;
}
