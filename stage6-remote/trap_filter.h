/* trap_filter.h - which system calls are caught: the filter of seccomp(2).  Async-signal-safe. */
#ifndef CKPT_TRAP_FILTER_H
#define CKPT_TRAP_FILTER_H

/*
 * From now on this process gets SIGSYS (SECCOMP_RET_TRAP) for each system call, but for those of local_calls[]
 * (stub_gen), for mmap(2) of memory without a file, and for those that libckpt.so makes itself.  No way back.
 * 0 or -errno.
 */
long trap_filter_install(void);

#endif
