# moments.gdb - saves what restart's address space is at three moments: `make picture` draws them.
#
# `picture` runs this as  gdb -batch -x moments.gdb --args ./restart --stop IMAGE.  Each moment becomes a
# file moment1, moment2, moment3 in the working directory: registers, then /proc/PID/maps.  gdb's
# libthread_db would read the memory of libc, which is about to be replaced under it.
set pagination off
set confirm off
set auto-load libthread-db off
set libthread-db-search-path /nonexistent
handle SIGSTOP stop print nopass
python
import os

import gdb

NAMES = "pc sp tpidr" if os.uname().machine == "aarch64" else "rip rsp fs_base"


def is_alive():
    return gdb.selected_inferior().pid != 0


def maps():
    """All lines but [vsyscall], which lies beyond what programs can map, and is always the same."""
    with open("/proc/%d/maps" % gdb.selected_inferior().pid, errors="surrogateescape") as file:
        return "".join(line for line in file if "[vsyscall]" not in line)


def save(number):
    """Registers and maps, as readckpt --svg and --draw read them."""
    registers = gdb.execute("info registers " + NAMES, to_string=True)
    with open("moment%d" % number, "w", errors="surrogateescape") as file:
        file.write(registers + maps())


def program_is_mapped(program):
    return any(line.rstrip().endswith(program) for line in maps().splitlines())


def run_until_cleared(program):
    """Goes from munmap to munmap, until none of restart's own program is left."""
    gdb.execute("catch syscall munmap", to_string=True)
    while is_alive() and program_is_mapped(program):
        gdb.execute("continue", to_string=True)
    return is_alive()


def moments():
    program = gdb.current_progspace().filename
    gdb.execute("break main", to_string=True)
    gdb.execute("run", to_string=True)
    if not is_alive():
        return
    save(1)
    gdb.execute("delete", to_string=True)
    if not run_until_cleared(program):
        return
    save(2)
    gdb.execute("delete", to_string=True)
    gdb.execute("continue", to_string=True)
    if is_alive():
        save(3)
        gdb.execute("kill", to_string=True)


try:
    moments()
except (gdb.error, OSError) as error:
    print("gdb: %s" % error)
end
