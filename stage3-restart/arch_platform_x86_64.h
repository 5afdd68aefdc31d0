/*
 * arch_platform_x86_64.h - in what x86-64 processors differ: which vector registers they have, where these lie in a
 * signal frame, and which instructions there are.
 *
 * A signal frame has the vector registers in the processor's standard form of XSAVE (Intel's manual, volume 1,
 * chapter 13; AMD's, volume 2, 11.5; <asm/sigcontext.h> for what Linux puts in and behind it):
 *
 *     0            512            576        cpuid, leaf 0xd: part 2 (AVX), 5, 6, 7 (AVX-512), 9 (PKRU)...
 *     | x87, SSE   | header:      | part | part |    | part | FP_XSTATE_MAGIC2
 *     | at 464:    | which parts  |   each at its own place, |
 *     | Linux's mark | are in use |   Intel's or AMD's       | ^ xstate_size of the mark
 *
 * A part that is not in use has its first value, mostly zeros, and its bytes say nothing.
 */
#ifndef CKPT_ARCH_PLATFORM_X86_64_H
#define CKPT_ARCH_PLATFORM_X86_64_H

#define ARCH_PARTS 32
#define ARCH_AREA_LEGACY 512 /* bytes: x87 and SSE; of a processor without XSAVE it is all */
#define ARCH_AREA_MARK 464   /* struct _fpx_sw_bytes, in those */

/* Part i of the vector registers: its place in the standard form, and its size, in bytes. */
struct arch_part {
    uint32_t offset, size;
};

struct arch_vectors {
    uint64_t present; /* XCR0: bit i, programs may use part i.  0 (x87) and 1 (SSE) are everywhere */
    struct arch_part parts[ARCH_PARTS]; /* from 2 on */
};

/*
 * A bit of struct arch_features.  There are those of the levels x86-64-v2, v3 and v4 (x86-64 psABI, 3.1.1), those
 * by which glibc chooses its functions, and what other libraries ask for.
 */
struct arch_feature {
    char name[20]; /* as in /proc/cpuinfo */
    uint8_t leaf, reg, bit; /* where cpuid has it: features_x86_64.c */
    uint8_t level;          /* 2, 3, 4: of x86-64-v2, ...; 0: of none */
    uint8_t by_libc;        /* glibc chooses functions by it */
    uint8_t part;           /* the vector registers that it needs; 0: none */
};

#define ARCH_NAME "x86_64" /* uname -m */
#define ARCH_LEVEL_1 "x86-64" /* what all processors have */
#define ARCH_LEVEL_NAME ARCH_LEVEL_1 "-v" /* and the number, from 2 on */
#define ARCH_CAN_BIND true /* libc can be told to use no more than a level */
#define ARCH_BIND_ADVICE " (`ckpt --portable` starts one that can go to others)"

/*
 * Those that libc uses, if it was told to use no more than a level: without what it says that it does not use.  As
 * this processor's, if libc does not tell.
 */
void arch_features_bound(struct arch_features *features, unsigned level);

/*
 * ld.so looks a function up at its first call, and saves the vector registers meanwhile; with XSAVE, where there is
 * no XSAVEC, it saves all that there are, into a room of the size that they had at the start.  False: here there
 * are more, and it would write beyond.
 */
bool arch_linker_has_room(const struct arch_features *then, const struct arch_vectors *vectors_then);

/* The highest level of which it has all. */
unsigned arch_level(const struct arch_features *features);

/* The area of the vector registers, as this kernel puts it into the frames of this process. */
struct arch_frame_format {
    uint32_t size;     /* bytes: xstate_size; 0: without Linux's mark, so only x87 and SSE */
    uint64_t features; /* its parts */
};

/* Asked by taking a signal, SIGURG.  Uses libc. */
struct arch_frame_format arch_frame_format(void);

#define ARCH_FRAME_ROOM 16384 /* bytes, more than any area: with AMX there are 11,012 */

/*
 * What restart changes in the frame of an image: an area of vector registers in this machine's form, and the
 * pointer to it.
 */
struct arch_frame_change {
    uint64_t at, size; /* where these bytes go in the program's memory; size 0: nothing is changed */
    uint64_t pointer;  /* where the address of the area stands */
    char bytes[ARCH_FRAME_ROOM] __attribute__((aligned(64)));
};

struct image;

/*
 * Fills `change` so that the frame with this ucontext_t, in the image's memory, can be returned from on this
 * processor.  `then`: the processor that wrote it; NULL: not known.  `room`: ARCH_FRAME_ROOM bytes of the
 * program's memory, multiple of 64, for the new area; 0: none, so it takes the old one's place.  Exits with 65 if a
 * register is in use that does not exist here.
 */
void arch_frame_convert(struct arch_frame_change *change, const struct image *image, uint64_t context,
                        const struct arch_vectors *then, uint64_t room);

/*
 * Where an image without NOTE_PLATFORM has that ucontext_t: the handler called getcontext(), so the frame pointer
 * is the handler's own.
 */
static inline uint64_t arch_guess_signal_context(const ucontext_t *in_handler)
{
    return (uint64_t)in_handler->uc_mcontext.gregs[REG_RBP] + 16; /* arch_signal_context() */
}

#endif
