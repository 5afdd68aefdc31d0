/* arch_trap.h - chooses what knows a caught system call, and the ways on from there. */
#ifndef CKPT_ARCH_TRAP_H
#define CKPT_ARCH_TRAP_H

#if defined(__x86_64__)
#include "arch_trap_x86_64.h"
#elif defined(__aarch64__)
#include "arch_trap_aarch64.h"
#endif

#endif
