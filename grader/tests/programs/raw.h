/* raw.h: a system call without libc, for the few lines that must work even
 * where libc's thread-local errno does not.  One block per architecture. */
#ifndef RAW_H
#define RAW_H

#include <sys/syscall.h>

#ifdef __x86_64__
#define LARGE_FILE 0x8000 /* the kernel's O_LARGEFILE, <asm/fcntl.h>; libc's is 0 */

static inline long raw(long number, long a, long b, long c)
{
    register long r10 __asm__("r10") = 0;
    long result;
    __asm__ volatile("syscall"
                     : "=a"(result)
                     : "a"(number), "D"(a), "S"(b), "d"(c), "r"(r10)
                     : "rcx", "r11", "memory");
    return result;
}
#elif defined(__aarch64__)
#define LARGE_FILE 0x20000

static inline long raw(long number, long a, long b, long c)
{
    register long x8 __asm__("x8") = number;
    register long x0 __asm__("x0") = a;
    register long x1 __asm__("x1") = b;
    register long x2 __asm__("x2") = c;
    register long x3 __asm__("x3") = 0;
    __asm__ volatile("svc #0" : "+r"(x0) : "r"(x8), "r"(x1), "r"(x2), "r"(x3) : "memory");
    return x0;
}
#else
#error "raw.h: this architecture has no raw system call here yet"
#endif

#endif
