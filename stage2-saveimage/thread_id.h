/*
 * thread_id.h - where this process's libc keeps the number of the calling thread (gettid(2)).
 *
 * raise(), abort(), mutexes and all of pthread_*() use that copy; after a restart it must be the new number.  It is
 * not always the address that the kernel knows (set_tid_address(2)): since glibc 2.43 that is another field, which
 * only says that a thread has ended.
 */
#ifndef CKPT_THREAD_ID_H
#define CKPT_THREAD_ID_H

#include <stdint.h>

#define THREAD_ID_UNKNOWN (~0U)

/*
 * Bytes from the TLS base on, as an int32_t (it may lie before), or THREAD_ID_UNKNOWN: it was not found.
 * The number of the calling thread stands there.  Not async-signal-safe: uses libc's symbols.
 */
uint32_t thread_id_find(void);

#endif
