"""A crash is put into words: where, doing what, at which address, and what should have been there."""
from __future__ import annotations

import ctypes
import os
import signal

from stage import crash
from stage import maps

STACK = "7ffd00000000-7ffd00021000 rw-p 00000000 00:00 0                          [stack]\n"
READ_ONLY = STACK.replace("rw-p", "r--p")
ADDRESS = 0x7FFD00020FF8


def sentence(now: str, before: str, address: int = ADDRESS, number: int = signal.SIGSEGV, code: int = 1) -> str:
    return crash.sentence(number, code, address, 0x1000, "=> 0x1000:\trep stos %al,%es:(%rdi)",
                          maps.parse(now), maps.parse(before))


def test_a_region_that_is_missing_is_named() -> None:
    text = sentence("", STACK)
    assert "SIGSEGV in 0x1000, where nothing is mapped (stos) at address 0x7ffd00020ff8" in text
    assert "the program had [stack] 7ffd00000000-7ffd00021000 rw-p, but nothing was mapped there" in text


def test_a_region_with_other_permissions_is_named() -> None:
    assert text_end(sentence(READ_ONLY, STACK)) == "but now it is r--p"


def test_an_address_that_never_was_there() -> None:
    assert sentence("", STACK, address=8).endswith("no region of the program ever was there")


def test_no_address_no_guess() -> None:
    assert "at address" not in sentence("", STACK, code=128)
    assert sentence("", STACK, number=signal.SIGABRT).startswith("SIGABRT in 0x1000")


def text_end(text: str) -> str:
    return text.rsplit(", ", 1)[1]


def test_the_function_is_found_by_the_symbols_of_the_file() -> None:
    here = maps.read_maps(os.getpid())
    setcontext = ctypes.cast(ctypes.CDLL(None).setcontext, ctypes.c_void_p).value
    assert setcontext is not None
    assert crash.symbol_at(here, setcontext + 0x2E).startswith("setcontext+0x2e of libc")
