# common.mk - how every stage is built.  Given to students whole.
#
# A stage's Makefile sets PROGRAMS (what to build), says of which objects each is made, and includes
# this file.  All objects go to build/; the sources of earlier stages are found by vpath, where
# they lie: nothing is copied from stage to stage.
#
#   make               build            make check     grade this stage (under 20 seconds)
#   make stress        many runs        make handin    the archive to hand in, proved to work
#   make clean         remove what was made
#   make walkthrough   (stage 3) all phases in gdb    make picture  (stage 3) a restart, drawn
#   make film          (stage 3 and later) a restart, call by call, as a page to look through: build/film.html
#                      IMAGE=myckpt: of your own image;  OPTIONS=--lazy: of restart
#   make REFERENCE=1   take the earlier stages from the compiled reference, if yours do not work yet
#   make CC=clang      another compiler;  WERROR=1: warnings are errors;  V=1: show the commands

include $(dir $(lastword $(MAKEFILE_LIST)))arch.mk

KIT := $(patsubst %/grader,%,$(firstword $(wildcard ../grader ../../grader)))
EARLIER ?= ../stage2-saveimage ../stage1-readmaps
vpath %.c . $(EARLIER)
vpath %.S . $(EARLIER)

# CC and CFLAGS are yours to set; they win over all but the modes below (-fPIC, code without libc).
CFLAGS ?= -O2 -g
LAB_CFLAGS := -std=gnu11 -D_GNU_SOURCE -Wall -Wextra -Wno-unused-parameter -MMD -MP \
	-I. $(addprefix -I,$(EARLIER)) $(ARCH_CFLAGS) $(if $(WERROR),-Werror)
# -ffreestanding and friends: code that runs without libc.  A stack protector would read its canary
# through the TLS base, which is not there while a process is being rebuilt.
FREE_CFLAGS = -fPIC -ffreestanding -fvisibility=hidden -fno-stack-protector -fno-sanitize=all -fcf-protection=none \
	-fno-asynchronous-unwind-tables -fno-jump-tables $(FREE_CFLAGS_$(ARCH))
# Addresses relative to the instruction, not to its page: the code is copied.  No keys, no helpers for atomics.
FREE_CFLAGS_aarch64 := -mcmodel=tiny -mbranch-protection=none -mno-outline-atomics

# The compiled reference of the earlier stages: in the hand-out, objects for each processor; in the kit, the solution's.
REFERENCE_DIR := $(KIT)/$(if $(wildcard $(KIT)/reference),reference/$(REFERENCE_ARCH),solution/stage3-restart/build)
$(if $(REFERENCE),$(call WITHOUT_OTHERS,$(REFERENCE_DIR)))

# Prints a short line for a command and runs it; `make V=1` shows the command itself.
RUN = $(if $(V),,@echo "  $(1)"; )

.DEFAULT_GOAL := all
.DELETE_ON_ERROR:
.PHONY: all check stress film handin clean

all: $(PROGRAMS)

# Other flags, another compiler, or REFERENCE=1: then everything is built anew.  What lies there goes: it may be another
# processor's, and what it alone has would stay.
FLAGS := $(CC) $(ARCH) $(CFLAGS) $(LAB_CFLAGS) REFERENCE=$(REFERENCE)
.PHONY: FORCE libc
build/flags: FORCE $(if $(wildcard /usr/include/stdio.h),,libc)
	@mkdir -p build
	@echo '$(FLAGS)' | cmp -s - $@ || { rm -f build/*.o build/*.d; echo '$(FLAGS)' > $@; }

# A fresh machine may have a compiler and not the C library's headers: all that is missing is installed.
libc:
	@$(KIT)/grader/setup grade

# FREE objects hold code that runs without libc; all others are ordinary (and position-independent,
# since some go into libckpt.so).
$(addprefix build/,$(FREE)): MODE_CFLAGS = $(FREE_CFLAGS)
MODE_CFLAGS = -fPIC -fvisibility=hidden

ifdef REFERENCE
# Objects of earlier stages come from the reference; only this folder's sources are compiled.
build/%.o: $(REFERENCE_DIR)/%.o build/flags
	$(call RUN,REF $(@F))cp $< $@
.PRECIOUS: $(REFERENCE_DIR)/%.o
$(REFERENCE_DIR)/%.o:
	@test -d $(KIT)/solution || { echo "make: this hand-out has no reference for $(REFERENCE_ARCH): ask your teacher for one"; exit 1; }
	$(MAKE) -C $(KIT)/solution/stage3-restart REFERENCE=
$(patsubst %.c,build/%.o,$(wildcard *.c)): build/%.o: ./%.c build/flags
	$(call RUN,CC $(<F))$(CC) $(LAB_CFLAGS) $(CFLAGS) $(MODE_CFLAGS) -c $< -o $@
$(patsubst %.S,build/%.o,$(wildcard *.S)): build/%.o: ./%.S build/flags
	$(call RUN,CC $(<F))$(CC) $(LAB_CFLAGS) -c $< -o $@
else
build/%.o: %.c build/flags
	$(call RUN,CC $(<F))$(CC) $(LAB_CFLAGS) $(CFLAGS) $(MODE_CFLAGS) -c $< -o $@
endif

build/%.o: %.S build/flags
	$(call RUN,CC $(<F))$(CC) $(LAB_CFLAGS) -c $< -o $@

# The compiler makes the .d files; without this rule make would look for others, and take them for programs.
build/%.d: ;
-include $(wildcard build/*.d)

STAGE := $(patsubst stage%,%,$(firstword $(subst -, ,$(notdir $(CURDIR)))))

check stress: all
	@$(KIT)/grader/check --stage $(STAGE) $(if $(filter stress,$@),--stress) --where $(if $(filter 6,$(STAGE)),30,10) --film .

# Works with half-done code, as far as it goes; a crash is marked where it happened.
film: all
	@$(KIT)/grader/python $(KIT)/grader/film/main.py --stage $(STAGE) $(if $(IMAGE),--image '$(IMAGE)') --options='$(OPTIONS)' .

handin:
	@$(KIT)/grader/python $(KIT)/grader/stage/handin.py --stage $(STAGE) .

clean:
	rm -rf build $(PROGRAMS) $(EXTRA_CLEAN)
