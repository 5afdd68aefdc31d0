# arch.mk - the processor that $(CC) makes code for: x86_64 or aarch64.  What knows one processor alone is in files
# NAME_$(ARCH).c and .S.  With CC=aarch64-linux-gnu-gcc the linker and the like have the same prefix.  Given.
ARCH := $(firstword $(subst -, ,$(shell $(CC) -dumpmachine)))
CROSS := $(patsubst %gcc,%,$(filter %-linux-gnu-gcc,$(CC)))
ifeq ($(origin LD),default)
LD := $(CROSS)ld
endif
# aarch64's kernels have pages of 4, 16 or 64 KiB.  It is built for this one's; for another machine: make PAGE=BYTES.
PAGE ?= $(shell getconf PAGESIZE)
ARCH_CFLAGS_aarch64 = -DARCH_PAGE_SIZE=$(PAGE)UL
ARCH_CFLAGS := $(ARCH_CFLAGS_$(ARCH))
# The compiled reference is made for 4 KiB alone.
REFERENCE_ARCH := $(ARCH)$(patsubst -DARCH_PAGE_SIZE=%UL,-pages-of-%,$(filter-out %=4096UL,$(ARCH_CFLAGS)))
# Objects in another stage's folder are of no use if they were made for another processor: it makes them anew.
WITHOUT_OTHERS = $(if $(wildcard $1/flags),$(if $(filter $(ARCH),$(shell cat $1/flags)),,$(shell rm -f $1/*.o)))
