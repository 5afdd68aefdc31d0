# Phases 1 to 3 under gdb: `make walkthrough` runs this.
set pagination off
set confirm off
set breakpoint pending on
set print frame-arguments scalars
handle SIGUSR2 nostop noprint pass
break libckpt_start
break on_checkpoint_signal
tcatch exec
run
# ckpt, which has a main() of its own, has become the program.
python expect("", "ckpt ended, and did not become the program: its last message says why.")
break main
continue
python expect("libckpt_start", "The constructor did not run: is libckpt.so in LD_PRELOAD? (step 2.1)")
ckpt phase
backtrace 2
continue
ckpt phase
backtrace 2
echo \n(gdb) signal SIGUSR2\n
signal SIGUSR2
python expect("on_checkpoint_signal", "The handler did not run: does the constructor register it? (step 2.1)")
ckpt phase
backtrace
echo \nThe handler runs to its end: the image is written.\n
delete
finish
ckpt phase
shell ls -l myckpt
ckpt context myckpt
kill
