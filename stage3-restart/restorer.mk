# restorer.mk - links the code that runs without libc ($(FREE)).  Given to students whole.
RESTORER_LD := $(firstword $(wildcard restorer.ld ../stage3-restart/restorer.ld))

# All code that runs without libc, in one section (restorer.ld).  It will be copied to another place, so
# it may call nothing outside (nm -u) and may hold no absolute address (R_X86_64_64).
BLOB := $(addprefix build/,$(FREE) switch_stack_x86_64.o)
build/restorer_blob.o: $(BLOB) $(RESTORER_LD)
	$(call RUN,LINK $@)$(LD) -r -T $(RESTORER_LD) $(BLOB) -o $@
	@if nm -u $@ | grep -v _GLOBAL_OFFSET_TABLE_; then \
	    echo "restorer: these functions are libc's; the restorer has none"; exit 1; fi
	@if objdump -r -j restorer $@ | grep R_X86_64_64; then \
	    echo "restorer: absolute addresses in code that is moved"; exit 1; fi
