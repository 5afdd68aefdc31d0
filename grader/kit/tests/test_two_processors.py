"""OVERVIEW's table of what differs between processors says what the sources say; grader/doctor/names shows it."""
from __future__ import annotations

import re
import subprocess
from pathlib import Path

import pytest
from film import calls

from conftest import TOP
from stage.processor import AARCH64, X86_64

ROWS = {row[0]: row[1:] for row in (line.strip("| ").split(" | ") for line in
        (TOP / "OVERVIEW").read_text().partition("| what | x86-64 | arm64 |")[2].partition("\n\n")[0].splitlines()[2:])}
COLUMNS = ("x86_64", "aarch64")

# A row, and the name that its values have in the arch headers.
DEFINED = {
    "the dynamic linker": "ARCH_DYNAMIC_LINKER", "the signature of rseq": "ARCH_RSEQ_SIGNATURE",
    "the next instruction: gdb's name of the register": "ARCH_CODE_NAME", "the top of the stack": "ARCH_STACK_NAME",
    "the base of the TLS: gdb's name": "ARCH_TLS_NAME", "functions of the vdso begin with": "ARCH_VDSO_PREFIX",
}  # fmt: skip
# Words that are in none of these files: of BACKGROUND, arch_x86_64.h (%fs), gcc, core.c.
ELSEWHERE = {"movaps", "fs", "__stack_chk_guard", "NT_X86_XSTATE"}


def sources(processor: str) -> list[Path]:
    """What knows this processor alone; where there is no NAME_x86_64, that is NAME, or says so."""
    found = [path for path in (TOP / "solution").glob("stage*/*") if f"_{processor}." in path.name]
    if processor == "x86_64":
        found += [path for path in (TOP / "solution").glob("stage*/*") if path.suffix in (".c", ".h")
                  and (path.with_name(f"{path.stem}_aarch64{path.suffix}").exists()
                       or "all that follows is x86-64's" in path.read_text())]
    return found


TEXTS = {processor: "\n".join(path.read_text() for path in sources(processor)) for processor in COLUMNS}


@pytest.mark.parametrize("column, processor", enumerate(COLUMNS))
def test_the_values_are_those_of_the_headers(column: int, processor: str) -> None:
    assert len(ROWS) > 25
    for row, name in DEFINED.items():
        values = re.findall(rf'^#define {name} "?([^"\s]+?)[U"]?(?:$| )', TEXTS[processor], re.MULTILINE)
        assert [f"`{value}`" for value in values] == [ROWS[row][column]], name


@pytest.mark.parametrize("column, processor", enumerate(COLUMNS))
def test_each_word_is_one_of_the_sources(column: int, processor: str) -> None:
    """A register, an instruction, a note or a file: in backquotes, in a file that knows this processor."""
    names = {path.name for path in sources(processor)} | {processor}
    for row, cells in ROWS.items():
        for word in re.findall(r"`([^`]+)`", cells[column]):
            known = word in names or re.search(rf"(?<![\w]){re.escape(word)}(?![a-z0-9])", TEXTS[processor])
            assert known or word in ELSEWHERE or word == "1 << 48", f"{row}: {word}"


def test_other_numbers() -> None:
    """Sizes, and the first address; the end of the addresses is tried out on aarch64, from 48 bits on."""
    x86_64, aarch64 = TEXTS["x86_64"], TEXTS["aarch64"]
    assert f"#define ARCH_USER_END {ROWS['the first address that no program can map'][0].strip('`')}UL" in x86_64
    bits = re.search(r"bits\[\] = \{([\d, ]+)\}", aarch64)
    assert bits and re.findall(r"\d+", bits[1]) + ["36"] == re.findall(r"\b\d\d\b", ROWS["the first address that no program can map"][1])
    sizes = [re.search(r"#define ARCH_SYSCALL_SIZE (\d)", text) for text in (x86_64, aarch64)]
    assert [cell.partition(", ")[2] for cell in ROWS["a system call is the instruction"][:2]] == [
        f"{size[1]} bytes" for size in sizes if size]
    zone, before = (re.findall(r"(\d+) bytes", " ".join(ROWS[row][:2])) for row in (
        "below the stack pointer, in use all the same", "before the ucontext_t, in a signal frame"))
    assert len(zone) == 1 and f"#define RED_ZONE {zone[0]} " in x86_64
    assert "RED_ZONE" not in (TOP / "solution/stage5-coredump/sigframe_aarch64.c").read_text()
    assert before[0] == "8" and f"#define ARCH_SIGINFO {before[1]} " in aarch64


def test_the_numbers_of_calls_are_the_kernel_s() -> None:
    headers = {"x86_64": calls.HEADERS, "aarch64": calls.GENERIC_HEADERS}
    rows = {row.partition("(")[0]: cells for row, cells in ROWS.items() if "by its number" in row}
    assert {"munmap", "rt_sigreturn", "clock_nanosleep"} == set(rows)
    for column, processor in enumerate(COLUMNS):
        header = next((Path(name) for name in headers[processor] if Path(name).exists()), None)
        if header is not None:
            numbers = {name: number for number, name in calls.names_in(header.read_text()).items()}
            assert {name: int(cells[column]) for name, cells in rows.items()} == {name: numbers[name] for name in rows}
            table = calls.NUMBERS if processor == "x86_64" else calls.GENERIC
            assert {name: numbers[name] for name in table} == table


def test_the_tests_know_the_same_names() -> None:
    for column, processor in enumerate((X86_64, AARCH64)):
        names = [ROWS[row][column].strip("`") for row in DEFINED if DEFINED[row].endswith("_NAME")]
        assert names == [processor.code, processor.stack, processor.tls]


@pytest.mark.parametrize("processor", COLUMNS)
def test_they_are_shown_for_the_reader_s_machine(processor: str) -> None:
    shown = subprocess.run([TOP / "grader/doctor/names", processor], check=True, text=True, stdout=subprocess.PIPE).stdout
    assert len(shown.splitlines()) == len(ROWS)
    arrow = " -> sp" if processor == "aarch64" else ""
    assert re.search(rf"^the top of the stack +rsp{arrow}$", shown, re.MULTILINE), shown
    assert subprocess.run([TOP / "grader/doctor/names", "mips"], stderr=subprocess.DEVNULL).returncode == 64


def test_rooms_do_not_ask_for_the_processor() -> None:
    """No #if for a processor or for calls that one has alone: headers choose, and files with a processor's name know."""
    asks = re.compile(r"^#\s*(?:el)?if(?:def)?\b.*(?:__\w+__|SYS_)", re.MULTILINE)
    found = {path.name: len(asks.findall(path.read_text())) for path in (TOP / "solution").glob("stage*/*.[chSly]")
             if asks.search(path.read_text())}
    assert found["arch.h"] == 2
    assert [name for name in found if not name.startswith("arch") and "_aarch64." not in name] == []


def test_help_says_what_is_there() -> None:
    """The levels of x86-64 processors are in its own files, and behind a refusal everywhere else."""
    refused = {"portable.h", "portable.c", "platform_show.c"}
    naming = {path for path in (TOP / "solution").glob("stage*/*.[ch]") if "x86-64-v" in path.read_text()}
    assert {path.name for path in naming - set(sources("x86_64"))} == refused
    helps = [re.search(r"#define ARCH_PORTABLE_HELP([^#]*)", TEXTS[processor]) for processor in COLUMNS]
    assert ["is refused" in str(found and found[1]) for found in helps] == [False, True]
