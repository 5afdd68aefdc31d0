# objects.mk - of which objects the programs are made.  Who includes this can add to them: MORE_PARTS (rooms), JOB
# (libckpt.so), SHOW_MORE (readckpt) and KEEPER (restart).  Given to students whole.
PARTS += part_frame.o $(MORE_PARTS)

SAVE := checkpoint.o build_id.o regions.o pages.o lazy_pages.o image_write.o core_notes.o procfile.o text.o parts.o \
	maps.o region_plan.o region_cut.o page_runs.o $(SHARED) $(PARTS)

# Code that runs without libc.
FREE := restorer.o restorer_map.o restorer_kernel.o $(PARTS) procfile.o text.o mem.o

ckpt: $(addprefix build/,ckpt.o program.o program_linking.o text.o $(START))
	$(call RUN,LINK $@)$(CC) $(CFLAGS) $^ $(LDFLAGS) -o $@

libckpt.so: $(addprefix build/,libckpt.o rseq.o thread_id.o platform_start.o features_$(ARCH).o vdso_leave.o waits.o $(SAVE) \
	$(MANNERS) $(JOB))
	$(call RUN,LINK $@)$(CC) $(CFLAGS) -shared -Wl,-z,now $^ $(LDFLAGS) -o $@

SHOW := $(SHARED) readckpt.o image_read.o no_image.o region_plan.o region_print.o parts.o $(PARTS) procfile.o text.o \
	picture.o picture_layout.o picture_svg.o picture_text.o image_doctor.o image_compare.o maps.o show_files.o \
	platform_show.o features_$(ARCH).o build_id.o \
	$(SHOW_MORE)
readckpt: $(addprefix build/,$(SHOW))
	$(call RUN,LINK $@)$(CC) $(CFLAGS) $^ $(LDFLAGS) -o $@

# What restart knows of core files.
CORE := core.o core_regions.o core_files.o core_state.o core_arguments.o core_plan.o core_signals.o sigframe_$(ARCH).o \
	$(if $(filter x86_64,$(ARCH)),syscall_restart.o,syscall_restart_$(ARCH).o) gadget.o core_random.o core_left_out.o core_shared.o core_holes.o core_missing.o core_locks.o \
	core_vdso.o
PLAN := restart.o restart_main.o restart_plan.o restart_go.o restart_block.o place.o image_read.o no_image.o rseq.o \
	thread_id.o files_plan.o files_commit.o files_text.o shared_plan.o memory_plan.o surroundings_plan.o strict.o clock_plan.o library_plan.o moved.o $(STAY) \
	$(SHARED) $(PLATFORM) vdso_bridge.o vdso_elf.o restorer_blob.o parts.o maps.o region_plan.o build_id.o $(CORE) $(KEEPER)
restart: $(addprefix build/,$(PLAN))
	$(call RUN,LINK $@)$(CC) $(CFLAGS) $^ $(LDFLAGS) -o $@

# It works in a signal handler, as libckpt.so does, and writes the Open File Table of stage 4.
SAVEFDS := libsavefds.o files_save.o fd_sharing.o fdinfo.o content.o fdtext.o files_check.o file_locks.o kinds.o \
	$(filter kind_%.o inotify_path.o pseudo_files.o,$(FILES)) procfile.o proc_lines.o text.o own_stderr.o $(STACK)
libsavefds.so: $(addprefix build/,$(SAVEFDS))
	$(call RUN,LINK $@)$(CC) $(CFLAGS) -shared -Wl,-z,now $^ $(LDFLAGS) -o $@
