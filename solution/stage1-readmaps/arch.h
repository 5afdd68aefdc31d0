/* arch.h - chooses the one header that knows this machine's registers and system calls. */
#ifndef CKPT_ARCH_H
#define CKPT_ARCH_H

#if defined(__x86_64__)
#include "arch_x86_64.h"
#elif defined(__aarch64__)
#include "arch_aarch64.h"
#else
#error "ckptlab knows x86-64 and aarch64; another machine needs its own arch_*.h and switch_stack_*.S"
#endif

#endif
