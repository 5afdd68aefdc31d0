# shadow.mk - the shadow: what it needs of the earlier stages is small.  Included behind common.mk.
SHADOW := $(patsubst %.c,%.o,$(wildcard shadow*.[co] serve*.[co] since*.[co])) shadow_calls.o frame.o image_stream.o path_rules.o program.o \
	program_linking.o portable.o text.o
ckpt-shadow: $(addprefix build/,$(sort $(SHADOW)))
	$(call RUN,LINK $@)$(CC) $(CFLAGS) $^ $(LDFLAGS) -o $@
