"""System calls: their numbers, which of them change an address space, and how a call is written down."""

from __future__ import annotations

import errno
import os
import re
from collections.abc import Mapping
from functools import lru_cache
from pathlib import Path

from stage.processor import AARCH64, HERE

# Those that have words of ours, as in <asm/unistd_64.h>; where that header is, it names all others.
NUMBERS = {
    "read": 0, "write": 1, "open": 2, "close": 3, "lseek": 8, "mmap": 9, "mprotect": 10, "munmap": 11, "brk": 12,
    "rt_sigaction": 13, "rt_sigprocmask": 14, "rt_sigreturn": 15, "pread64": 17, "readv": 19, "mremap": 25,
    "shmat": 30, "dup2": 33, "setitimer": 38, "getpid": 39, "execve": 59, "kill": 62, "fcntl": 72, "chdir": 80,
    "umask": 95, "sigaltstack": 131, "prctl": 157, "arch_prctl": 158, "gettid": 186, "set_tid_address": 218,
    "timer_create": 222, "exit_group": 231, "openat": 257, "set_robust_list": 273, "dup3": 292, "preadv": 295,
    "prlimit64": 302, "rseq": 334,
}
HEADERS = ("/usr/include/x86_64-linux-gnu/asm/unistd_64.h", "/usr/include/asm/unistd_64.h")
# The same for aarch64, as in <asm-generic/unistd.h>; it has no open, dup2 and arch_prctl.
GENERIC = {
    "dup3": 24, "fcntl": 25, "chdir": 49, "openat": 56, "close": 57, "lseek": 62, "read": 63, "write": 64, "readv": 65,
    "pread64": 67, "preadv": 69, "exit_group": 94, "set_tid_address": 96, "set_robust_list": 99, "setitimer": 103,
    "timer_create": 107, "kill": 129, "sigaltstack": 132, "rt_sigaction": 134, "rt_sigprocmask": 135, "rt_sigreturn": 139,
    "umask": 166, "prctl": 167, "getpid": 172, "gettid": 178, "shmat": 196, "brk": 214, "munmap": 215, "mremap": 216,
    "execve": 221, "mmap": 222, "mprotect": 226, "prlimit64": 261, "rseq": 293,
}
GENERIC_HEADERS = ("/usr/include/asm-generic/unistd.h",)

# After these, /proc/PID/maps is read again.
MEMORY = {"mmap", "mprotect", "munmap", "brk", "mremap", "shmat", "shmdt", "prctl", "execve", "remap_file_pages",
          "pkey_mprotect", "madvise"}
READS = {"read", "pread64", "readv", "preadv"}
# Calls of which it must be known which file they mean.
IMAGE_MAY_NEED = READS | {"mmap", "lseek", "close", "fstat"}
# What the restored program may still do in a film: nothing of it is seen outside.
QUIET = MEMORY - {"execve"} | {
    "rt_sigaction", "rt_sigprocmask", "rt_sigreturn", "sigaltstack", "getpid", "gettid", "getppid", "gettimeofday",
    "clock_gettime", "rseq", "set_robust_list", "set_tid_address", "arch_prctl", "getrandom", "sched_yield", "getcpu",
    "times", "getrusage", "lseek", "fstat", "newfstatat", "rt_sigpending", "access", "faccessat",
    "faccessat2", "statx", "stat", "lstat", "readlink", "readlinkat", "nanosleep", "clock_nanosleep", "getuid", "geteuid",
    "getgid", "getegid", "uname",
    "process_vm_readv", "sched_getattr", "sched_getaffinity", "sched_getparam", "sched_getscheduler", "prlimit64",
}

PROT = {1: "PROT_READ", 2: "PROT_WRITE", 4: "PROT_EXEC"}
MAP = {0x01: "MAP_SHARED", 0x02: "MAP_PRIVATE", 0x10: "MAP_FIXED", 0x20: "MAP_ANONYMOUS", 0x100: "MAP_GROWSDOWN",
       0x4000: "MAP_NORESERVE", 0x20000: "MAP_STACK", 0x40000: "MAP_HUGETLB", 0x100000: "MAP_FIXED_NOREPLACE"}
MOVE = {1: "MREMAP_MAYMOVE", 2: "MREMAP_FIXED", 4: "MREMAP_DONTUNMAP"}
ARCH_PRCTL = {0x1001: "ARCH_SET_GS", 0x1002: "ARCH_SET_FS", 0x1003: "ARCH_GET_FS", 0x1004: "ARCH_GET_GS"}
PRCTL = {15: "PR_SET_NAME", 35: "PR_SET_MM", 40: "PR_GET_TID_ADDRESS", 0x53564D41: "PR_SET_VMA"}
MAP_FIXED, MAP_FIXED_NOREPLACE = 0x10, 0x100000
PR_SET_MM, ARCH_SET_GS, ARCH_SET_FS = 35, 0x1001, 0x1002

# How many arguments a call has, and what they are: a address, n number, d descriptor, o offset, and tables.
SHAPES = {
    "mmap": "anPMdo", "munmap": "an", "mremap": "annVa", "mprotect": "anP", "brk": "a", "read": "dan", "pread64": "dano",
    "write": "dan", "prctl": "Cnan", "arch_prctl": "Aa", "set_tid_address": "a", "set_robust_list": "an",
    "rseq": "anna", "rt_sigaction": "naa", "rt_sigprocmask": "naan", "rt_sigreturn": "", "lseek": "don", "close": "d",
    "shmat": "nan", "open": "sn", "openat": "dsn", "sigaltstack": "aa", "dup2": "dd", "dup3": "ddn", "exit_group": "n",
    "madvise": "ann", "umask": "n", "chdir": "a", "getpid": "", "gettid": "", "kill": "dn", "setitimer": "naa",
}
TABLES = {"P": PROT, "M": MAP, "V": MOVE}


def names_in(header: str) -> dict[int, str]:
    """Of all calls. Some have names for 32 bits and for 64 there: NR3264_lseek, and lseek is that."""
    values = dict(re.findall(r"^#define __NR(?:3264)?_(\w+) (\d+)$", header, re.MULTILINE))
    values.update((name, values[same]) for name, same in re.findall(r"^#define __NR_(\w+) __NR3264_(\w+)$", header, re.MULTILINE)
                  if same in values and not re.search(r"(64|^llseek|mmap2)$", name))
    return {int(number): name for name, number in values.items()}


@lru_cache(maxsize=1)
def _names() -> dict[int, str]:
    numbers, headers = (GENERIC, GENERIC_HEADERS) if HERE is AARCH64 else (NUMBERS, HEADERS)
    names = {number: name for name, number in numbers.items()}
    for header in map(Path, headers):
        if header.exists():
            names.update(names_in(header.read_text()))
    return names


def name_of(number: int) -> str:
    return _names().get(number, f"system call {number}")


def flags(table: Mapping[int, str], value: int) -> str:
    words = [word for bit, word in table.items() if value & bit]
    rest = value & ~sum(table)
    return "|".join([*words, *([f"{rest:#x}"] if rest else [])]) or ("PROT_NONE" if table is PROT else "0")


def _argument(kind: str, value: int, path: str) -> str:
    if kind in TABLES:
        return flags(TABLES[kind], value)
    if kind == "d":
        signed = (value & 0xFFFFFFFF) - (1 << 32 if value & 0x80000000 else 0)
        return "AT_FDCWD" if signed == -100 else str(signed)
    if kind == "s":
        return f'"{path}"'
    if kind in "AC":
        return (ARCH_PRCTL if kind == "A" else PRCTL).get(value & 0xFFFFFFFF, hex(value))
    if kind == "o":
        return hex(value)
    return str(value) if kind == "n" and value < 1 << 32 else hex(value) if value else "NULL" if kind == "a" else "0"


def error_words(number: int) -> str:
    return f"{errno.errorcode.get(number, number)} ({os.strerror(number)})"


def written(name: str, args: tuple[int, ...], result: int, path: str) -> str:
    """As strace(1) writes a call, without what it points to."""
    shape = SHAPES.get(name)
    words = "..." if shape is None else ", ".join(_argument(kind, value, path) for kind, value in zip(shape, args))
    if -4096 < result < 0:
        return f"{name}({words}) = -1 {error_words(-result)}"
    return f"{name}({words}) = {hex(result) if name in ('mmap', 'mremap', 'brk', 'shmat') else result}"
