# arch.mk - the processor that $(CC) makes code for: x86_64 or aarch64.  What knows one processor alone is in files
# NAME_$(ARCH).c and .S.  With CC=aarch64-linux-gnu-gcc the linker and the like have the same prefix.  Given.
ARCH := $(firstword $(subst -, ,$(shell $(CC) -dumpmachine)))
CROSS := $(patsubst %gcc,%,$(filter %-linux-gnu-gcc,$(CC)))
ifeq ($(origin LD),default)
LD := $(CROSS)ld
endif
