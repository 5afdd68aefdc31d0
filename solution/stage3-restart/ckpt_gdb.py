"""ckpt_gdb.py - gdb commands for those who write a checkpointer. Given to students whole.

    (gdb) source ckpt_gdb.py
    (gdb) help ckpt

They read /proc/PID/maps and the image themselves, with no code of the lab, and work on programs that
are only half restored: what is missing is said in words. Tried with gdb 13; they ask for a feature
before they use it (`set exec-file-mismatch` came with gdb 10).
"""
import os
import struct

import gdb

IMAGE = "myckpt"  # where commands look for an image if none is named
PRSTATUS, AUXV = 1, 6  # note types, elf(5)
CKPT_CONTEXT = 0x434B0002  # image.h
AT_ENTRY = 9  # getauxval(3)
# The registers in NT_PRSTATUS, struct user_regs_struct in <sys/user.h>, by gdb's names; they begin at byte 112. And
# those that are worth looking at, from the instruction and the stack to the base of thread-local storage.
REGISTERS_AT = 112
if os.uname().machine == "aarch64":
    REGISTERS = ["x%d" % i for i in range(31)] + ["sp", "pc", "cpsr"]
    SHOWN = ["pc", "sp"] + REGISTERS[29:31] + REGISTERS[19:29] + REGISTERS[:9] + ["tpidr"]
else:
    REGISTERS = ("r15 r14 r13 r12 rbp rbx r11 r10 r9 r8 rax rcx rdx rsi rdi orig_rax rip cs eflags rsp ss "
                 "fs_base gs_base ds es fs gs").split()
    SHOWN = "rip rsp rbp rbx r12 r13 r14 r15 rdi rsi rdx rcx rax fs_base".split()
CODE, TLS = SHOWN[0], SHOWN[-1]
NT_ARM_TLS = 0x401  # there the base has a note of its own


def quietly(command):
    """Runs a gdb command and drops what it says."""
    gdb.execute(command, to_string=True)


class Missing(Exception):
    """What a command needs and does not find; the text says what to do."""


def colour(text, number):
    """Text in a colour, if gdb's output goes to a terminal that has colours."""
    enabled = gdb.parameter("style enabled") and os.isatty(1)
    return "\033[%dm%s\033[0m" % (number, text) if enabled else text


class Region:
    """One line of maps, or one PT_LOAD of an image."""

    def __init__(self, start, end, permissions, name="", offset=0):
        self.start, self.end, self.permissions, self.name, self.offset = start, end, permissions, name, offset

    def __str__(self):
        return "%012x-%012x %s %s" % (self.start, self.end, self.permissions, self.name)

    def key(self):
        return self.start, self.end, self.permissions[:3]


class Image:
    """A checkpoint image: PT_LOADs and notes of an ELF64 core file, elf(5)."""

    def __init__(self, path):
        try:
            with open(path, "rb") as file:
                self.head = file.read(1 << 26)
            self.read_segments()
        except (OSError, struct.error, OverflowError) as error:
            raise Missing("no image to compare with: %s: %s" % (path, error)) from error
        self.path = path

    def read_segments(self):
        if self.head[:4] != b"\x7fELF":
            raise Missing("this is not an ELF file, so not an image")
        offset, = struct.unpack_from("<Q", self.head, 32)
        size, count = struct.unpack_from("<HH", self.head, 54)
        self.regions, self.notes = [], {}
        for i in range(count):
            kind, flags, at, address, _, stored, memory, _ = struct.unpack_from("<IIQQQQQQ", self.head, offset + i * size)
            if kind == 1:
                permissions = "".join(letter if flags & bit else "-" for letter, bit in (("r", 4), ("w", 2), ("x", 1)))
                self.regions.append(Region(address, address + memory, permissions, "" if stored else "(not stored)"))
            elif kind == 4:
                self.read_notes(at, at + stored)

    def read_notes(self, at, end):
        while at + 12 <= end:
            name_size, size, kind = struct.unpack_from("<III", self.head, at)
            value = at + 12 + (name_size + 3) // 4 * 4
            self.notes.setdefault(kind, self.head[value:value + size])
            at = value + (size + 3) // 4 * 4

    def registers(self):
        if len(self.notes.get(PRSTATUS, b"")) < REGISTERS_AT + 8 * len(REGISTERS):
            raise Missing("the image has no note NT_PRSTATUS with registers: stage 2, steps 2.6 and 2.7")
        values = struct.unpack_from("<%dQ" % len(REGISTERS), self.notes[PRSTATUS], REGISTERS_AT)
        found = dict(zip(REGISTERS, values))
        if TLS not in found:
            found[TLS], = struct.unpack_from("<Q", self.notes[NT_ARM_TLS])
        return found


def pid():
    number = gdb.selected_inferior().pid
    if number == 0:
        raise Missing("there is no process: `run`, or `attach PID`")
    return number


def proc(name, binary=False):
    path = "/proc/%d/%s" % (pid(), name)
    try:
        with open(path, "rb") as file:
            data = file.read()
    except OSError as error:
        raise Missing("%s: a live process on this machine is needed" % error) from error
    return data if binary else data.decode(errors="replace")


def live_regions():
    regions = []
    for line in proc("maps").splitlines():
        fields = line.split(None, 5)
        start, end = (int(part, 16) for part in fields[0].split("-"))
        if start >= 1 << 63:
            continue  # [vsyscall] lies beyond the program's addresses, and is never saved
        regions.append(Region(start, end, fields[1], fields[5] if len(fields) > 5 else "", int(fields[2], 16)))
    return regions


def region_at(address, regions=None):
    for region in live_regions() if regions is None else regions:
        if region.start <= address < region.end:
            return region
    return None


def register(name):
    pid()  # "there is no process" says more than gdb's "no registers"
    try:
        return int(gdb.parse_and_eval("$" + name)) & (1 << 64) - 1
    except gdb.error as error:
        raise Missing("register %s: %s" % (name, error)) from error


def place(address):
    """The mapping that an address lies in, in words."""
    region = region_at(address)
    if region is None:
        return "in no mapping!"
    return "in %012x-%012x %s %s" % (region.start, region.end, region.permissions, region.name or "(anonymous)")


def executable():
    try:
        return os.readlink("/proc/%d/exe" % pid())
    except OSError as error:
        raise Missing(str(error)) from error


def file_symbols(path):
    """The symbols of an ELF file: name -> address in the file (elf(5), SHT_SYMTAB)."""
    with open(path, "rb") as file:
        data = file.read()
    offset, = struct.unpack_from("<Q", data, 40)
    size, count = struct.unpack_from("<HH", data, 58)
    sections = [struct.unpack_from("<IIQQQQIIQQ", data, offset + i * size) for i in range(count)]
    symbols = {}
    for _, kind, _, _, at, length, link, _, _, entry in sections:
        if kind != 2:
            continue
        names = sections[link][4]
        for symbol in range(at, at + length, entry):
            name, _, _, _, value, _ = struct.unpack_from("<IBBHQQ", data, symbol)
            symbols[data[names + name:data.index(b"\0", names + name)].decode()] = value
    return symbols


def program_of_auxv():
    """The file of the program that runs, by AT_ENTRY in the auxiliary vector; None if that is not mapped."""
    auxv = proc("auxv", binary=True)
    for kind, value in struct.iter_unpack("<QQ", auxv[:len(auxv) // 16 * 16]):
        if kind == AT_ENTRY:
            region = region_at(value)
            return region.name if region is not None and region.name.startswith("/") else None
    return None


def has_function(name):
    """Is a function of this name somewhere on the stack?"""
    frame = gdb.newest_frame()
    while frame is not None:
        if frame.name() == name:
            return True
        try:
            frame = frame.older()
        except gdb.error:
            return False
    return False


def in_restorer():
    """The block that restart's code was copied to: code in anonymous memory."""
    if os.path.basename(executable()) != "restart":
        return None
    region = region_at(register("pc"))
    return region if region is not None and region.name == "" and "x" in region.permissions else None


def phase():
    """The phase of OVERVIEW's temporal view, and why."""
    if os.path.basename(executable()) == "ckpt":
        return 0, "ckpt has not yet become the program (execv)"
    if os.path.basename(executable()) == "restart":
        if program_of_auxv() == executable():
            return 4, "restart plans: its own code, its own libc"
        if in_restorer() is not None:
            return 4, "the restorer runs in its block: no libc, no TLS"
        if has_function("on_checkpoint_signal"):
            return 5, "the second life: getcontext() has returned again, in the handler"
        return 5, "the second life: the program runs (or setcontext() is on its way there)"
    if has_function("libckpt_start"):
        return 1, "libckpt's constructor runs, before main"
    if has_function("on_checkpoint_signal"):
        return 3, "the handler of the checkpoint signal runs"
    return 2, "the program runs, as if nobody were there"


def show_where():
    for name in ("pc", "sp", TLS):
        value = register(name)
        gdb.write("  $%-8s 0x%012x  %s\n" % (name, value, place(value)))


class Ckpt(gdb.Command):
    """Commands for checkpoint and restart: where am I, and is all where it should be?"""

    def __init__(self):
        super().__init__("ckpt", gdb.COMMAND_DATA, prefix=True)


class Command(gdb.Command):
    """A subcommand; what it misses is a sentence, not a traceback."""

    def __init__(self, name):
        super().__init__("ckpt " + name, gdb.COMMAND_DATA, gdb.COMPLETE_FILENAME)

    def invoke(self, argument, from_tty):
        try:
            self.run(gdb.string_to_argv(argument))
        except Missing as missing:
            gdb.write("ckpt: %s\n" % missing)
        except (gdb.error, struct.error, LookupError, ValueError, OverflowError) as error:
            gdb.write("ckpt: this cannot be told here: %s\n" % error)


class Where(Command):
    """$pc, $sp and the TLS base, and the mapping that each lies in."""

    def run(self, _):
        show_where()


class Phase(Command):
    """Which of the phases of OVERVIEW this process is in, 1 to 5."""

    def run(self, _):
        gdb.write("phase %d: %s\n" % phase())


class Maps(Command):
    """ckpt maps [IMAGE]: the regions of the process beside those of an image (myckpt).

    A `+` stands before what only the process has, a `-` before what only the image has."""

    def run(self, words):
        live, image = live_regions(), Image(words[0] if words else IMAGE)  # the process first
        saved = {region.key(): region for region in image.regions}
        present = {region.key() for region in live}
        rows = [(region, " " if region.key() in saved else "+") for region in live]
        rows += [(region, "-") for region in image.regions if region.key() not in present]
        for region, sign in sorted(rows, key=lambda row: row[0].start):
            text = "%s %s" % (sign, region)
            gdb.write(text + "\n" if sign == " " else colour(text, 32 if sign == "+" else 31) + "\n")
        same = sum(sign == " " for _, sign in rows)
        gdb.write("%d regions are in both, %d only in the process (+), %d only in %s (-)\n"
                  % (same, len(live) - same, len(rows) - len(live), image.path))


class Context(Command):
    """ckpt context [IMAGE]: the registers that an image saved beside those of now; `*`: they differ."""

    def run(self, words):
        pid()
        image = Image(words[0] if words else IMAGE)
        saved = image.registers()
        gdb.write("  %-8s %-18s %-18s\n" % ("", "saved in the image", "now"))
        for name in SHOWN:
            now = register(name)
            text = "%s %-8s 0x%016x 0x%016x" % (" " if now == saved[name] else "*", name, saved[name], now)
            where = region_at(saved[name], image.regions)
            text += "  saved: in %012x-%012x" % (where.start, where.end) if where else ""
            gdb.write((text if now == saved[name] else colour(text, 33)) + "\n")


class Symbols(Command):
    """ckpt symbols [PROG]: switch to the symbols of whatever runs now.

    In the restorer: those of restart, moved to the block. In the second life: those of the restored
    program, found by the auxiliary vector, and of its libraries."""

    def run(self, words):
        block = in_restorer()
        if block is not None and not words:
            self.restorer_symbols(block)
            return
        program = words[0] if words else program_of_auxv()
        if program is None or (program == executable() and not words):
            raise Missing("the auxiliary vector is still restart's own: the memory layout is not restored "
                          "(step 3.8). Name the program yourself: ckpt symbols PROG")
        self.program_symbols(program)

    @staticmethod
    def restorer_symbols(block):
        """restart's symbols at the block; those of its old place and of its libc are wrong by now."""
        start = file_symbols(executable()).get("__start_restorer")
        if start is None:
            raise Missing("%s has no symbol __start_restorer: was it stripped?" % executable())
        quietly("symbol-file")
        quietly("nosharedlibrary")
        quietly("add-symbol-file %s -o 0x%x" % (executable(), block.start - start))
        for region in live_regions():
            if region.offset == 0 and ".so" in os.path.basename(region.name):
                quietly("add-symbol-file %s -o 0x%x" % (region.name, region.start))
        gdb.write("symbols of the restorer, moved to its block at 0x%x, and of the restored libraries\n" % block.start)

    @staticmethod
    def program_symbols(program):
        try:
            gdb.execute("set exec-file-mismatch off", to_string=True)
        except gdb.error:
            pass  # an older gdb does not look at /proc/PID/exe
        try:
            quietly("symbol-file")
            quietly("file %s" % program)
        except gdb.error as error:
            raise Missing("cannot load the symbols of %s: %s" % (program, error)) from error
        gdb.write("symbols of %s and its libraries\n" % program)


class Walk(Command):
    """ckpt walk [COUNT]: step instructions from the restorer into the restored program, and show each.

    Stops in the handler of the second life, or after COUNT instructions (500)."""

    def run(self, words):
        block, most = in_restorer(), int(words[0]) if words and words[0].isdigit() else 500
        if block is None:
            raise Missing("this process is not in the restorer: start it with `run --stop IMAGE`")
        last = block
        for _ in range(most):
            instruction = gdb.execute("x/i $pc", to_string=True).strip()
            gdb.write("  %s\n" % instruction.replace("=> ", ""))
            gdb.execute("stepi", to_string=True)  # gdb shows the source line, if it knows one, all the same
            region = region_at(register("pc"))
            if region is None or region.name != last.name:
                self.tell(region)
            if region is None or os.path.basename(region.name).startswith("libckpt"):
                return
            last = region
        gdb.write("stopped after %d instructions\n" % most)

    @staticmethod
    def tell(region):
        gdb.write(colour("--- $pc is now %s\n" % place(register("pc")), 36))
        if region is not None:
            show_where()


def expect(function, hint):
    """For scripts: ends gdb with a sentence unless the program has just stopped in this function."""
    if gdb.selected_inferior().pid == 0 or (function and gdb.newest_frame().name() != function):
        gdb.write("\n%s\n" % hint)
        gdb.execute("quit 1")


def no_thread_library():
    """gdb's libthread_db reads the memory of libc, which is about to be replaced under it."""
    for command in ("set auto-load libthread-db off", "set libthread-db-search-path /nonexistent"):
        try:
            gdb.execute(command, to_string=True)
        except gdb.error:
            pass


no_thread_library()
Ckpt()
for kind, word in ((Where, "where"), (Phase, "phase"), (Maps, "maps"), (Context, "context"),
                   (Symbols, "symbols"), (Walk, "walk")):
    kind(word)
