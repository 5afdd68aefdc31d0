# restorer.mk - links the code that runs without libc ($(FREE)).  Given to students whole.
RESTORER_LD := $(firstword $(wildcard restorer.ld ../stage3-restart/restorer.ld))

# All code that runs without libc, in one section (restorer.ld).  It will be copied to another place, so
# it may call nothing outside (nm -u) and may hold no absolute address (R_X86_64_64), none that goes by way of
# restart's table of addresses, nor one that counts pages from the place of the code (aarch64).
BLOB := $(addprefix build/,$(FREE) switch_stack_$(ARCH).o)
build/restorer_blob.o: $(BLOB) $(RESTORER_LD)
	$(call RUN,LINK $@)$(LD) -r -T $(RESTORER_LD) $(BLOB) -o $@
	@if $(CROSS)nm -u $@ | grep -v _GLOBAL_OFFSET_TABLE_; then \
	    echo "restorer: these functions are libc's; the restorer has none"; exit 1; fi
	@if $(CROSS)objdump -r -j restorer $@ | grep -E "R_X86_64_64|R_AARCH64_(ABS64|.*GOT|.*_PG_)"; then \
	    echo "restorer: absolute addresses in code that is moved"; exit 1; fi
