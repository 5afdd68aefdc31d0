# stubs.mk - stub_gen, made by flex and bison; and what it makes of the template.  All of it goes to build/.
# Included behind common.mk.
LAB_CFLAGS += -Ibuild

STUB_GEN := stub_gen_yacc.o stub_gen_lex.o stub_check.o stub_ask.o stub_emit.o stub_emit_job.o stub_emit_shadow.o
stub_gen: $(addprefix build/,$(STUB_GEN))
	$(call RUN,LINK $@)$(CC) $(CFLAGS) $^ $(LDFLAGS) -o $@

# With a cross compiler what runs at the build is made for this machine, too.
STUB_GEN_RUNS := $(if $(CROSS),build/stub_gen_here,./stub_gen)
build/stub_gen_here: stub_gen
	$(call RUN,LINK $@)cc $(LAB_CFLAGS) -o $@ $(foreach o,$(STUB_GEN),$(firstword $(wildcard $(o:.o=.c) build/$(o:.o=.c))))

ifneq ($(wildcard stubs.tmpl),) # without it, in a hand-out's reference, all objects are there
build/stub_gen_yacc.c: stub_gen_yacc.y build/flags
	$(call RUN,BISON $(<F))bison --header=$(@:.c=.h) -o $@ $<
build/stub_gen_yacc.h: build/stub_gen_yacc.c ;
build/stub_gen_lex.c: stub_gen_lex.l build/stub_gen_yacc.h
	$(call RUN,FLEX $(<F))flex -o $@ $<

build/syscall_stubs.h: OPTION = --header
build/syscall_stubs.c: OPTION = --job
build/shadow_calls.c: OPTION = --shadow
build/syscall_stubs.h build/syscall_stubs.c build/shadow_calls.c: stubs.tmpl $(STUB_GEN_RUNS)
	$(call RUN,STUBS $(@F))$(STUB_GEN_RUNS) $(OPTION) $< >$@

# The objects of what was made; and what may ask for the numbers of the calls is compiled behind that list.
$(addprefix build/,stub_gen_yacc.o stub_gen_lex.o syscall_stubs.o shadow_calls.o): build/%.o: build/%.c build/flags
	$(call RUN,CC $(<F))$(CC) $(LAB_CFLAGS) $(CFLAGS) $(MODE_CFLAGS) -c $< -o $@
$(filter-out build/stub_%.o,$(patsubst %.c,build/%.o,$(wildcard *.c))) build/syscall_stubs.o build/shadow_calls.o: \
	| build/syscall_stubs.h
endif
