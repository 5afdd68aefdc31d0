# Phases 4 and 5 under gdb: `make walkthrough` runs this.
set pagination off
set confirm off
set print frame-arguments scalars
handle SIGSTOP stop print nopass
run
python
if gdb.selected_inferior().pid == 0:
    gdb.write("\nrestart ended before the jump: its last message says why; do that step first.\n")
    gdb.execute("quit 1")
end
ckpt symbols
ckpt phase
ckpt where
backtrace
echo \nrestart's memory is gone, the program's is back. Compare (+ is restart's last block):\n
ckpt maps myckpt
echo \nNow instruction by instruction (stepi) through setcontext(), into the program:\n
ckpt walk
ckpt symbols
ckpt phase
ckpt where
backtrace
