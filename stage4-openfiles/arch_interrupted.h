/* arch_interrupted.h - chooses what finds a system call that a signal has ended in its frame. */
#ifndef CKPT_ARCH_INTERRUPTED_H
#define CKPT_ARCH_INTERRUPTED_H

/* A system call of the program's. */
struct arch_call {
    long number;
    long arguments[6];
};

#if defined(__x86_64__)
#include "arch_interrupted_x86_64.h"
#elif defined(__aarch64__)
#include "arch_interrupted_aarch64.h"
#endif

#endif
