/*
 * sys.h - system calls without libc, for code that runs inside a signal handler or while libc's own
 * memory is being replaced.  Given to students whole.
 *
 * Every function returns what the kernel returns: a result, or -errno (a number from -4095 to -1).
 * None touches errno, allocates or locks; all are async-signal-safe.  Each man page is that of the
 * libc function of the same name, section 2.
 */
#ifndef CKPT_SYS_H
#define CKPT_SYS_H

#include "arch.h"

/* What the kernel's interface needs of libc's headers: constants and structs, no functions. */
#include <errno.h>
#include <fcntl.h>
#include <linux/limits.h>
#include <signal.h>
#include <stdbool.h>
#include <stddef.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/types.h>
#include <sys/uio.h>
#include <time.h>
#include <unistd.h>

#ifndef MAP_DROPPABLE /* Linux 6.11, <linux/mman.h>; older headers lack it */
#define MAP_DROPPABLE 0x08
#endif
#ifndef MADV_POPULATE_WRITE /* Linux 5.14 */
#define MADV_POPULATE_WRITE 23
#endif

/* The least multiple of `to` that is not below n. */
static inline uint64_t round_up(uint64_t n, uint64_t to)
{
    return (n + to - 1) / to * to;
}

/* True if a system call's answer is an error: then the error number is -answer. */
static inline bool sys_failed(long answer)
{
    return answer < 0 && answer >= -4095;
}

static inline long sys_call(long number, long a, long b, long c, long d)
{
    return arch_syscall(number, a, b, c, d, 0, 0);
}

static inline long sys_open(const char *path, int flags, int mode)
{
    return sys_call(SYS_openat, AT_FDCWD, (long)path, flags, mode);
}

static inline long sys_close(int fd)
{
    return sys_call(SYS_close, fd, 0, 0, 0);
}

static inline long sys_read(int fd, void *buf, size_t size)
{
    return sys_call(SYS_read, fd, (long)buf, (long)size, 0);
}

static inline long sys_write(int fd, const void *buf, size_t size)
{
    return sys_call(SYS_write, fd, (long)buf, (long)size, 0);
}

static inline long sys_pread(int fd, void *buf, size_t size, off_t offset)
{
    return sys_call(SYS_pread64, fd, (long)buf, (long)size, offset);
}

static inline long sys_pwrite(int fd, const void *buf, size_t size, off_t offset)
{
    return sys_call(SYS_pwrite64, fd, (long)buf, (long)size, offset);
}

static inline long sys_lseek(int fd, off_t offset, int whence)
{
    return sys_call(SYS_lseek, fd, offset, whence, 0);
}

/* An address fits a long; the largest ones are error numbers: see sys_failed(). */
static inline long sys_mmap(uint64_t addr, size_t size, int prot, int flags, int fd, off_t offset)
{
    return arch_syscall(SYS_mmap, (long)addr, (long)size, prot, flags, fd, offset);
}

static inline long sys_munmap(uint64_t addr, size_t size)
{
    return sys_call(SYS_munmap, (long)addr, (long)size, 0, 0);
}

static inline long sys_mprotect(uint64_t addr, size_t size, int prot)
{
    return sys_call(SYS_mprotect, (long)addr, (long)size, prot, 0);
}

/*
 * Makes the pages of memory that may be written to by one call, not by a fault each.  Where the kernel does not
 * know it, or there is no such page, nothing is lost: a page is made when it is touched.
 */
static inline void sys_populate(uint64_t addr, size_t size)
{
    sys_call(SYS_madvise, (long)addr, (long)size, MADV_POPULATE_WRITE, 0);
}

/* The newer machines have the calls that take a folder only. */
static inline long sys_readlink(const char *path, char *to, size_t size)
{
    return sys_call(SYS_readlinkat, AT_FDCWD, (long)path, (long)to, (long)size);
}

static inline long sys_rename(const char *from, const char *to)
{
    return sys_call(SYS_renameat, AT_FDCWD, (long)from, AT_FDCWD, (long)to);
}

static inline long sys_unlink(const char *path)
{
    return sys_call(SYS_unlinkat, AT_FDCWD, (long)path, 0, 0);
}

static inline long sys_mkdir(const char *path, int mode)
{
    return sys_call(SYS_mkdirat, AT_FDCWD, (long)path, mode, 0);
}

static inline long sys_rmdir(const char *path)
{
    return sys_call(SYS_unlinkat, AT_FDCWD, (long)path, AT_REMOVEDIR, 0);
}

static inline long sys_chmod(const char *path, int mode)
{
    return sys_call(SYS_fchmodat, AT_FDCWD, (long)path, mode, 0);
}

static inline long sys_getpid(void)
{
    return sys_call(SYS_getpid, 0, 0, 0, 0);
}

/* Can the 8 bytes there be read?  rt_sigprocmask(2) reads the set, before it finds that there is no such `how`. */
static inline bool sys_can_read(uint64_t at)
{
    return sys_call(SYS_rt_sigprocmask, -1, (long)at, 0, sizeof(uint64_t)) != -EFAULT;
}

/* Memory that may not be there, or not be readable (execute-only code): by the kernel, which only says no. */
static inline bool sys_peek(uint64_t at, void *to, size_t size)
{
    struct iovec here = {to, size}, there = {(void *)at, size}; // NOLINT: an address becomes a pointer here
    return arch_syscall(SYS_process_vm_readv, sys_getpid(), (long)&here, 1, (long)&there, 1, 0) == (long)size;
}

__attribute__((noreturn)) static inline void sys_exit(int status)
{
    for (;;)
        sys_call(SYS_exit_group, status, 0, 0, 0);
}

#endif
