/* arch_vdso.h - chooses what knows the vdso's functions and how to get out of it. */
#ifndef CKPT_ARCH_VDSO_H
#define CKPT_ARCH_VDSO_H

#if defined(__x86_64__)
#include "arch_vdso_x86_64.h"
#elif defined(__aarch64__)
#include "arch_vdso_aarch64.h"
#endif

#endif
