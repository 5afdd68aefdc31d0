"""What the tests must know of a processor: the names of registers, and where core files and ucontext_t have them."""

from __future__ import annotations

import platform
from dataclasses import dataclass, field


@dataclass(frozen=True)
class Processor:
    code: str  # gdb's names: the instruction, the stack, the base of thread-local storage
    stack: str
    tls: str
    saved: tuple[str, ...]  # in NT_PRSTATUS, from byte 112 on: struct user_regs_struct of <sys/user.h>
    tls_note: int  # the note of the base, if it is not among them
    context_at: int  # in a ucontext_t: the registers
    context: tuple[str, ...]  # their order there: <sys/ucontext.h>
    left_out: tuple[str, ...]  # getcontext() leaves these as they are
    call: str  # gdb's x/2xb or the like, behind a system call
    flags: str  # in user code, with this mask, they are this
    flags_mask: int
    flags_are: int
    fixed: dict[str, int] = field(default_factory=dict)  # what user code always has
    float_state: tuple[str, ...] = ()  # what programs/fpenv.c says besides
    other_machine: int = 183  # e_machine of one that is not this
    second_tls: bool = False  # gs, which programs may use
    end: int = 1 << 47  # of the addresses of programs, as they are drawn
    answer: str = ""  # a system call's register, if a core has it as the kernel keeps it while the call waits
    call_number: str = ""
    vectors_note: int = 0  # of a core, "LINUX": registers that may lack on other processors of this kind
    forks: tuple[int, ...] = (56, 58, 435)  # the numbers of clone, vfork and clone3
    context_note: int = 24  # in NOTE_CONTEXT: the ucontext_t, behind three words, at a multiple of its alignment


X86_64 = Processor(
    "rip", "rsp", "fs_base",
    tuple("r15 r14 r13 r12 rbp rbx r11 r10 r9 r8 rax rcx rdx rsi rdi orig_rax rip cs eflags rsp ss "
          "fs_base gs_base ds es fs gs".split()),
    0, 40, tuple("r8 r9 r10 r11 r12 r13 r14 r15 rdi rsi rbp rbx rdx rax rcx rsp rip".split()),
    ("r10", "r11", "rax"), "x/2xb $pc-2", "eflags", 0x302, 0x202, {"cs": 0x33, "ss": 0x2B, "orig_rax": (1 << 64) - 1}, ("mxcsr df80 x87 a7f",), 183, True,
    answer="rax", call_number="orig_rax", vectors_note=0x202,
)

GENERAL = tuple(f"x{i}" for i in range(31))
AARCH64 = Processor(
    "pc", "sp", "tpidr", (*GENERAL, "sp", "pc", "pstate"), 0x401, 184, (*GENERAL, "sp", "pc"),
    tuple(f"x{i}" for i in range(18)), "x/1xw $pc-4", "pstate", 0x2003DF, 0, other_machine=62, end=1 << 48,
    context_note=32, forks=(220, 435),
)

HERE = AARCH64 if platform.machine() == "aarch64" else X86_64
