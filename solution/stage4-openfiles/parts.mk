# parts.mk - the rooms of stages 3 and 4, for the builds from stage 4 on.  Given to students whole.

include ../stage1-readmaps/arch.mk

# The Open File Table; and what each kind of open file is like.
FILES := part_files.o files_save.o fd_sharing.o fdinfo.o content.o fdtext.o files_check.o file_locks.o \
	kinds.o kind_lost.o kind_file.o kind_terminal.o kind_pipe.o kind_memfd.o kind_event.o kind_timerfd.o \
	kind_epoll.o kind_inotify.o inotify_path.o pseudo_files.o
MORE := part_children.o part_mutexes.o part_attributes.o part_memory.o part_posix_timers.o part_surroundings.o \
	part_settings.o part_library.o proc_lines.o page_runs.o guards.o part_numa.o
# Shared memory: the half that the restorer runs, and the half that needs stage 1's parser.
JOIN := shared_restore.o
SHARED := part_shared.o

# The rooms of stage 3, and those that this stage adds.
PARTS := part_vdso.o part_process.o part_mm.o part_thread.o part_platform.o vectors_$(ARCH).o part_signals.o part_timers.o \
	$(FILES) $(MORE) $(JOIN)

# Is this machine as the program's?
PLATFORM := platform_plan.o frame_convert_$(ARCH).o features_$(ARCH).o

# ckpt --evict: the parent of a job, in ckpt and in restart.
STAY := evict.o
START := $(STAY) image_names_check.o evict_prepare.o portable.o

# What makes libckpt.so a guest that is hardly noticed.
STACK := handler_stack.o call_on_stack_$(ARCH).o
LIVE := live.o live_obstacle.o live_state.o live_copy.o live_places.o live_fork.o live_locks.o live_direct.o \
	write_tracking.o arch_clone_$(ARCH).o image_update.o incremental.o incremental_places.o incremental_pages.o incremental_file.o incremental_live.o changes.o
MANNERS := $(LIVE) manners.o own_stderr.o taken_signal.o evict_leave.o image_names.o next_program.o program.o \
	program_linking.o $(STACK)
