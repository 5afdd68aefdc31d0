/* raw.h: a system call without libc, for the few lines that must work even
 * where libc's thread-local errno does not.  One block per architecture. */
#ifndef RAW_H
#define RAW_H

#include <sys/syscall.h>

#ifdef __x86_64__
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
#else
#error "raw.h: this architecture has no raw system call here yet"
#endif

#endif
