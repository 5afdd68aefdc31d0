/* arch_sigreturn.h - chooses rt_sigreturn(2) with a frame of our own. */
#ifndef CKPT_ARCH_SIGRETURN_H
#define CKPT_ARCH_SIGRETURN_H

#if defined(__x86_64__)
#include "arch_sigreturn_x86_64.h"
#elif defined(__aarch64__)
#include "arch_sigreturn_aarch64.h"
#endif

#endif
