/*
 * rseq.h - where this process's libc registered its restartable sequences (rseq(2)).
 *
 * glibc 2.35 and later registers an area inside the TLS of each thread; the kernel writes the cpu
 * number there.  A restart must take back its own registration before that memory goes, and register
 * the image's, or the kernel writes into the wrong place, or kills.
 */
#ifndef CKPT_RSEQ_H
#define CKPT_RSEQ_H

#include <stdint.h>

struct rseq_place {
    uint64_t address; /* 0: not registered */
    uint32_t size;    /* bytes, as registered */
    uint64_t told_at; /* address of __rseq_offset, libc's variable that has the distance from the TLS base */
};

/* Of the calling thread.  Not async-signal-safe: uses libc's symbols. */
struct rseq_place rseq_find(void);

#endif
