"""files_gdb.py - the gdb command `ckpt files`: the Open File Table of an image beside what is open now.

    (gdb) source ../stage3-restart/ckpt_gdb.py
    (gdb) source files_gdb.py
    (gdb) ckpt files [IMAGE]

It uses the classes of ckpt_gdb.py, which gdb keeps, and reads the image itself, with no code of the lab.
Given to students whole.
"""
CKPT_FILES = 0x434B0009  # image.h
# struct open_file in open_files.h: fd, dup_of, kind, flags, four bytes, real_fd, mode, path, offset, ...
ENTRY = struct.Struct("<iiII4BiIIQ4Q2q2Q2Q")
HEAD = struct.Struct("<IIQ")  # struct open_file_table: count, pid, extra_size
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


def open_files(image):
    note = image.notes.get(CKPT_FILES)
    if note is None:
        raise Missing("the image has no Open File Table: it comes with stage 4")
    count, _, _ = HEAD.unpack_from(note)
    extra = note[HEAD.size + count * ENTRY.size:]
    return [OpenFile(ENTRY.unpack_from(note, HEAD.size + i * ENTRY.size), extra) for i in range(count)]


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
