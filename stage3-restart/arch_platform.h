/* arch_platform.h - chooses what knows how processors of one kind differ, and their signal frames. */
#ifndef CKPT_ARCH_PLATFORM_H
#define CKPT_ARCH_PLATFORM_H

#if defined(__x86_64__)
#include "arch_platform_x86_64.h"
#elif defined(__aarch64__)
#include "arch_platform_aarch64.h"
#endif

#endif
