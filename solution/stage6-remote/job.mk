# job.mk - what libckpt.so has in stage 6 besides: it catches a job's system calls, and sends them home.
JOB := remote.o remote_image.o trap.o trap_filter.o gate_$(ARCH).o remote_call.o remote_table.o paths.o path_rules.o syscall_stubs.o \
	stubs_table.o stubs_vector.o stubs_links.o stubs_memory.o stubs_signals.o stubs_socket.o stubs_user.o \
	stubs_wait.o
