"""A crash in words: what the program did, at which address, and what should have been there."""
from __future__ import annotations

import re
import signal
from pathlib import Path
from typing import Sequence

from elftools.common.exceptions import ELFError
from elftools.elf.elffile import ELFFile
from elftools.elf.sections import SymbolTableSection

from stage import maps


def symbol_at(now: Sequence[maps.Region], rip: int) -> str:
    """The function that rip is in, as NAME+0xOFFSET, by the symbols of the file that is mapped there."""
    region = maps.find(list(now), rip)
    if region is None:
        return f"0x{rip:x}, where nothing is mapped"
    if not region.name.startswith("/"):
        return f"0x{rip:x} in {region.name or 'anonymous memory'}" + (" (the restorer)" if "x" in region.perms else "")
    offset = rip - region.start + region.offset
    name = nearest_symbol(Path(region.name), offset)
    return f"{name} of {Path(region.name).name}" if name else f"0x{rip:x} in {Path(region.name).name}"


def nearest_symbol(path: Path, offset: int) -> str | None:
    """The function whose code covers this offset of the file."""
    try:
        with path.open("rb") as file:
            elf = ELFFile(file)
            address = next((s["p_vaddr"] + offset - s["p_offset"] for s in elf.iter_segments("PT_LOAD")
                            if s["p_offset"] <= offset < s["p_offset"] + s["p_filesz"]), None)
            if address is None:
                return None
            for section in elf.iter_sections():
                if not isinstance(section, SymbolTableSection):
                    continue
                for symbol in section.iter_symbols():
                    start = symbol["st_value"]
                    if symbol["st_info"]["type"] == "STT_FUNC" and start <= address < start + max(symbol["st_size"], 1):
                        return f"{symbol.name}+0x{address - start:x}"
    except (OSError, ELFError):
        pass
    return None


def what_is_there(address: int, now: Sequence[maps.Region], before: Sequence[maps.Region]) -> str:
    """What lies at the address, compared with the program's own regions at the checkpoint."""
    old, new = maps.find(list(before), address), maps.find(list(now), address)
    if old is None:
        return "no region of the program ever was there" if new is None else "only restart has something there"
    was = f"the program had {old.name or 'anonymous memory'} {old.start:x}-{old.end:x} {old.perms}"
    if new is None:
        return f"{was}, but nothing was mapped there when it crashed"
    if new.perms != old.perms:
        return f"{was}, but now it is {new.perms}"
    return f"{was}, and so it is now: mapped, but its content is not what it was, or the registers are not"


def sentence(
    number: int, code: int, address: int, rip: int, instruction: str,
    now: Sequence[maps.Region], before: Sequence[maps.Region],
) -> str:
    """One sentence about a crash; `instruction` is gdb's line for x/i $rip, `code` is si_code."""
    name = signal.Signals(number).name if number in set(signal.Signals) else f"signal {number}"
    mnemonic = re.search(r":\t(?!CODE)(?:(?:rep|lock|bnd|notrack)\w* )*(\w+)", instruction)  # CODE: there was none
    where = f"{name} in {symbol_at(now, rip)}" + (f" ({mnemonic[1]})" if mnemonic else "")
    if number not in (signal.SIGSEGV, signal.SIGBUS):
        return where
    if code == 128:  # SI_KERNEL: the processor does not tell an address
        return where + ", by an address that is not one, or by the kernel itself (rseq, a signal frame)"
    return f"{where} at address 0x{address:x}: {what_is_there(address, now, before)}"
