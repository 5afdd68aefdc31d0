"""travel_gdb.py - the gdb commands `ckpt images` and `ckpt back`: a program as it was before.

    (gdb) source ../stage3-restart/ckpt_gdb.py
    (gdb) source travel_gdb.py
    (gdb) ckpt images 'img.%n'
    (gdb) ckpt back 2

It uses the classes of ckpt_gdb.py, which gdb keeps. restart is the one beside this file; `set $ckpt_restart = "PATH"`
names another. Given to students whole.
"""
import atexit
import re
import signal
import time

HERE = os.path.dirname(os.path.abspath(globals().get("__file__", "./travel_gdb.py")))
SIGNAL = "SIGUSR2"  # of checkpoints: it does not stop a life. After `ckpt -s`, `handle` that one
given = []  # the name that was given last
lives = []  # the processes that were started here


def name_of_images(word):
    """The name with %n in it: given now or before, or CKPT_IMAGE of the process or of gdb."""
    if word:
        given[:] = [word]
    if given:
        return given[0]
    number = gdb.selected_inferior().pid
    environment = dict(part.split("=", 1) for part in proc("environ").split("\0") if "=" in part) if number else os.environ
    name = environment.get("CKPT_IMAGE", "")
    if "%n" not in name:
        raise Missing("which images? ckpt images 'img.%n', as in ckpt -o")
    return os.path.join("/proc/%d/cwd" % number if number else "", name)


class Moment:
    """One image of a program."""

    def __init__(self, path, number):
        self.path, self.number = os.path.abspath(path), number
        self.time = os.stat(path).st_mtime


def moments(name):
    """All images of this name, the newest first. %p stands for any pid: those of one program, as a rule."""
    folder, last = os.path.split(name)
    parts = {"%n": r"(\d+)", "%p": r"\d+", "%%": "%"}
    pattern = re.compile("".join(parts.get(part) or re.escape(part) for part in re.split("(%[np%])", last)))
    matches = [pattern.fullmatch(entry) for entry in os.listdir(folder or ".")]
    found = [Moment(os.path.join(folder, match[0]), int(match[1])) for match in matches if match and match.groups()]
    if not found:
        raise Missing("no image is called %s: start the program with ckpt -i SECONDS --keep N -o NAME.%%n" % name)
    return sorted(found, key=lambda moment: -moment.number)


class Images(Command):
    """ckpt images [NAME]: the images that `ckpt --keep N -o NAME` left, NAME with a %n in it; when each was written.

    The newest comes first. `ckpt back 1` opens it, `ckpt back 2` the one before."""

    def run(self, words):
        found = moments(name_of_images(words[0] if words else None))
        for back, moment in enumerate(found, 1):
            when = time.strftime("%Y-%m-%d %H:%M:%S", time.localtime(moment.time)) + ".%03d" % (moment.time % 1 * 1000)
            gdb.write("ckpt back %-4d %s  %9.3f s before the newest  %s\n"
                      % (back, when, found[0].time - moment.time, moment.path))


def restart_program():
    named = gdb.convenience_variable("ckpt_restart")
    path = named.string() if named is not None else os.path.join(HERE, "restart")
    if not os.access(path, os.X_OK):
        raise Missing("there is no %s: build it (make), or set $ckpt_restart = \"PATH\"" % path)
    return path


def end_life():
    """Of what gdb debugs now: what it attached to goes on, all else ends, and so does a life of ours."""
    inferior = gdb.selected_inferior()
    if inferior.pid:
        quietly("detach" if inferior.was_attached and inferior.pid not in lives else "kill")


def end_lives():
    """At gdb's end it detaches from what it did not start itself; so that is ended here."""
    for number in lives:
        try:
            os.kill(number, signal.SIGKILL)
        except OSError:
            pass  # it has ended


def start_life(path):
    """restart, stopped just before its jump into the program; attached to, since gdb would keep the places of its ld.so."""
    number = os.posix_spawn(restart_program(), ["restart", "--stop", path], os.environ)
    lives.append(number)
    _, status = os.waitpid(number, os.WUNTRACED)
    if not os.WIFSTOPPED(status):
        lives.remove(number)
        raise Missing("restart refused %s" % path)
    quietly("file")
    quietly("attach %d" % number)


def run_to(address):
    """Goes on to an address in the program; the stop that restart made comes once more, after `attach`."""
    stop = gdb.Breakpoint("*0x%x" % address, type=gdb.BP_BREAKPOINT, internal=True)
    stop.silent = True
    try:
        for _ in range(2):
            if gdb.selected_inferior().pid and register("pc") != address:
                quietly("continue")
    finally:
        stop.delete()
    if gdb.selected_inferior().pid == 0 or register("pc") != address:
        raise Missing("it did not come to 0x%x" % address)


def leave_handler():
    """From libckpt's handler to where the program stood, when the handler has done all it does."""
    frame = gdb.newest_frame()
    while frame is not None and frame.type() != gdb.SIGTRAMP_FRAME:
        frame = frame.older()
    if frame is None:
        raise Missing("there is no signal frame below the handler: has the image no symbols?")
    run_to(frame.pc())
    run_to(gdb.newest_frame().older().pc())


class Back(Command):
    """ckpt back [N] [NAME]: the program as it was N images ago (1, the newest), stopped where it was interrupted.

    It is a new process, which gdb starts: restart. What was debugged before ends. NAME: as for `ckpt images`."""

    def run(self, words):
        back = int(words.pop(0)) if words and words[0].isdigit() else 1
        found = moments(name_of_images(words[0] if words else None))
        if not 1 <= back <= len(found):
            raise Missing("there are %d images: 1 is the newest" % len(found))
        self.open(found[back - 1])

    @staticmethod
    def open(moment):
        address = Image(moment.path).registers()[CODE]
        quietly("set confirm off")
        quietly("handle SIGSTOP stop print nopass")
        quietly("handle %s nostop noprint pass" % SIGNAL)
        end_life()
        start_life(moment.path)
        Symbols.program_symbols(program_of_auxv())
        run_to(address)
        leave_handler()
        gdb.write("image %d, of %s, as process %d:\n"
                  % (moment.number, time.strftime("%H:%M:%S", time.localtime(moment.time)), pid()))
        gdb.execute("frame")


atexit.register(end_lives)
Images("images")
Back("back")
