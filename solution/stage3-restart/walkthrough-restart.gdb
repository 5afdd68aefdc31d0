# Phases 4 and 5 under gdb: `make walkthrough` runs this.
set pagination off
set confirm off
set print frame-arguments scalars
handle SIGSTOP stop print nopass
run
python expect("", "restart ended before the jump: its last message says why; do that step first.")
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
