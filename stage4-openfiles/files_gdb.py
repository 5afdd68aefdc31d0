"""files_gdb.py - the gdb command `ckpt files`: the Open File Table of an image beside what is open now.

    (gdb) source ../stage3-restart/ckpt_gdb.py
    (gdb) source files_gdb.py
    (gdb) ckpt files [IMAGE]

It uses the classes of ckpt_gdb.py, which gdb keeps, and reads the image itself, with no code of the lab.  Of a job whose
files are on another machine it says which are open there; of one that runs, its own table must have symbols.
Given to students whole.
"""
CKPT_FILES = 0x434B0009  # image.h
# struct open_file in open_files.h: fd, dup_of, kind, flags, four bytes, real_fd, mode, path, offset, ...
ENTRY = struct.Struct("<iiII4BiIIQ4Q2q2Q2Q")
HEAD = struct.Struct("<IIQ")  # struct open_file_table: count, pid, extra_size
CKPT_REMOTE = 0x434B0021  # image.h
REMOTE_HEAD = struct.Struct("<Q3iII")  # life, now, count, reserved
REMOTE_FILE = struct.Struct("<iiI96s")  # fd, real, no_wait, path
ACCESS = ("read", "write", "read-write", "?")


class OpenFile:
    """One line of the table."""

    def __init__(self, values, extra):
        self.fd, self.dup_of, _, self.flags = values[:4]
        self.close_on_exec, _, self.deleted = values[4:7]
        start, self.offset = values[10], values[11]
        self.path = extra[start:extra.index(b"\0", start)].decode(errors="replace")

    def __str__(self):
        if self.dup_of != self.fd:
            return "%3d  the same as %d" % (self.fd, self.dup_of)
        words = ACCESS[self.flags & 3] + (" append" if self.flags & os.O_APPEND else "")
        words += (" cloexec" if self.close_on_exec else "") + (" (deleted)" if self.deleted else "")
        return "%3d  %s  at %d  %s" % (self.fd, self.path, self.offset, words)


class HomeFile:
    """A descriptor of a job whose files are at home; in the job it is an eventfd, which only keeps the number."""

    def __init__(self, fd, real, no_wait, path):
        self.fd, self.real, self.no_wait = fd, real, no_wait
        self.path = "".join(letter if letter.isprintable() else "?" for letter in path.split(b"\0")[0].decode(errors="replace"))

    def __str__(self):
        return "%3d  home, as %d  %s%s" % (self.fd, self.real, self.path, " nonblock" if self.no_wait else "")


def home_files(image):
    """Of an image: number -> HomeFile; empty if it is of no job of ckpt-shadow's."""
    note = image.notes.get(CKPT_REMOTE, b"")
    count = REMOTE_HEAD.unpack_from(note)[4] if len(note) >= REMOTE_HEAD.size else 0
    rows = [REMOTE_FILE.unpack_from(note, REMOTE_HEAD.size + i * REMOTE_FILE.size) for i in range(count)]
    return {row[0]: HomeFile(*row) for row in rows}


def home_now():
    """The same of the process that gdb looks at, from the table in its memory."""
    try:
        table = gdb.parse_and_eval("'remote_table.c'::table")
        data = bytes(gdb.selected_inferior().read_memory(int(table.address), table.type.sizeof))
    except gdb.error:
        return {}
    entry = struct.Struct("<??xxi%ds" % (table.type.target().sizeof - 8))  # struct remote_file
    rows = enumerate(entry.iter_unpack(data))
    return {fd: HomeFile(fd, real, no_wait, path) for fd, (used, no_wait, real, path) in rows if used}


def open_files(image):
    note = image.notes.get(CKPT_FILES)
    if note is None:
        raise Missing("the image has no Open File Table: it comes with stage 4")
    count, _, _ = HEAD.unpack_from(note)
    extra = note[HEAD.size + count * ENTRY.size:]
    files = [OpenFile(ENTRY.unpack_from(note, HEAD.size + i * ENTRY.size), extra) for i in range(count)]
    home = home_files(image)
    return [home.get(file.fd, file) for file in files]


def open_now():
    """What the process that gdb looks at has open: number -> path, offset; empty without a process."""
    number = gdb.selected_inferior().pid
    folder = "/proc/%d/fd" % number
    if number == 0 or not os.path.isdir(folder):
        return {}
    found = {}
    for name in os.listdir(folder):
        try:
            offset = proc("fdinfo/" + name).split()[1]
            found[int(name)] = "%s  at %s" % (os.readlink(os.path.join(folder, name)), offset)
        except (OSError, Missing):
            pass  # it was closed meanwhile
    found.update({fd: str(file).split(None, 1)[1] for fd, file in home_now().items() if fd in found})
    return found


class Files(Command):
    """ckpt files [IMAGE]: the Open File Table of an image (myckpt), and what the process has open now."""

    def run(self, words):
        now = open_now()
        for entry in open_files(Image(words[0] if words else IMAGE)):
            gdb.write("image %s\n" % entry)
            if entry.fd in now:
                gdb.write(colour("now   %3d  %s\n" % (entry.fd, now.pop(entry.fd)), 36))
        for fd, text in sorted(now.items()):
            gdb.write(colour("now   %3d  %s  (not in the image)\n" % (fd, text), 33))


Files("files")
