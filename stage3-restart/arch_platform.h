/*
 * arch_platform.h - how processors of one kind differ, and their signal frames; what all kinds have in common.  The
 * rest is in the header that it chooses.
 */
#ifndef CKPT_ARCH_PLATFORM_H
#define CKPT_ARCH_PLATFORM_H

#include <stdbool.h>
#include <stdint.h>
#include <ucontext.h>

/* Which instructions a program may find: bit i is arch_feature(i). */
struct arch_features {
    uint64_t bits[2];
};

#if defined(__x86_64__)
#include "arch_platform_x86_64.h"
#elif defined(__aarch64__)
#include "arch_platform_aarch64.h"
#endif

/* For the processor that we run on.  Async-signal-safe, no libc. */
void arch_vectors_read(struct arch_vectors *to);

/* The i-th, or NULL: there are no more.  Its number stays what it is: images have it. */
const struct arch_feature *arch_feature(unsigned i);

static inline bool arch_has(const struct arch_features *features, unsigned i)
{
    return features->bits[i / 64] >> i % 64 & 1;
}

/* Of this processor, as far as this kernel lets programs use it. */
void arch_features_read(struct arch_features *to);

#endif
