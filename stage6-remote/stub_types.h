/*
 * stub_types.h - the types of stubs.tmpl, as the kernel's interface has them: their sizes are how many bytes a raw
 * system call takes or brings.  libc's struct stat, statfs, statx, flock, timespec... are the kernel's on machines
 * of 64 bits; its struct termios is not (60 bytes): this one is <asm/termbits.h>'s, and <termios.h> cannot be
 * included as well.
 */
#ifndef CKPT_STUB_TYPES_H
#define CKPT_STUB_TYPES_H

#include <asm/termbits.h>
#include <fcntl.h>
#include <linux/fs.h>
#include <poll.h>
#include <stdint.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <sys/time.h>
#include <sys/types.h>
#include <sys/vfs.h>
#include <time.h>
#include <utime.h>

_Static_assert(sizeof(struct termios) == 36 && sizeof(struct termios2) == 44, "the kernel's, not libc's");
_Static_assert(sizeof(struct statx) == 256, "the kernel's");
_Static_assert(sizeof(long) == 8, "a machine of 64 bits");

#endif
