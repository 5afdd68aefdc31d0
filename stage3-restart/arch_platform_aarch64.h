/*
 * arch_platform_aarch64.h - in what aarch64 processors differ: how wide their vector registers are, where these lie
 * in a signal frame, and which instructions there are.
 *
 * A signal frame has 4 KiB of records behind the registers (<asm/sigcontext.h>; arch_registers_aarch64.h has the
 * picture): each has a magic number, its size, and what one unit of the processor holds.
 *
 *     | FPSIMD: v0 to v31 | ESR | SVE: vector length, registers if in use | ZA, TPIDR2, ... | 0, 0 |
 *
 * FPSIMD is in all processors, and all else in few.  The kernel refuses a frame with a record that it does not know
 * or with another vector length, by SIGSEGV.
 */
#ifndef CKPT_ARCH_PLATFORM_AARCH64_H
#define CKPT_ARCH_PLATFORM_AARCH64_H

#define ARCH_PARTS 32

/* Part i of the vector registers.  Only the size, in bytes of one register, says something here. */
struct arch_part {
    uint32_t offset, size;
};

enum { ARCH_PART_SVE = 2, ARCH_PART_SME = 3 };

struct arch_vectors {
    uint64_t present; /* bit i: programs may use part i.  0 and 1 (floating point and SIMD) are everywhere */
    struct arch_part parts[ARCH_PARTS]; /* from 2 on */
};

/* A bit of struct arch_features: an instruction that a program may find. */
struct arch_feature {
    char name[20]; /* as in /proc/cpuinfo */
    uint8_t word;  /* 0: getauxval(3), AT_HWCAP; 1: AT_HWCAP2 */
    uint8_t bit;
};

#define ARCH_NAME "aarch64" /* uname -m */
#define ARCH_LEVEL_1 "armv8-a" /* what all processors have */
#define ARCH_LEVEL_NAME ARCH_LEVEL_1 "-v" /* there are no others so far */
#define ARCH_CAN_BIND false /* libc cannot be told to use no more than a level */
#define ARCH_BIND_ADVICE ""

/* Nothing: ARCH_CAN_BIND. */
void arch_features_bound(struct arch_features *features, unsigned level);

/* True: ld.so saves registers of one size. */
bool arch_linker_has_room(const struct arch_features *then, const struct arch_vectors *vectors_then);

/* 1. */
unsigned arch_level(const struct arch_features *features);

#define ARCH_FRAME_ROOM 4096 /* bytes: all records */

/* The records of this kernel's frames, in this process. */
struct arch_frame_format {
    char records[ARCH_FRAME_ROOM] __attribute__((aligned(16)));
};

/* Asked by taking a signal, SIGURG.  Uses libc.  Static memory. */
const struct arch_frame_format *arch_frame_format(void);

/* What restart changes in the frame of an image: its records. */
struct arch_frame_change {
    uint64_t at, size; /* where these bytes go in the program's memory; size 0: nothing is changed */
    uint64_t pointer;  /* 0: nothing points to them */
    char bytes[ARCH_FRAME_ROOM] __attribute__((aligned(16)));
};

struct image;

/*
 * Fills `change` so that the frame with this ucontext_t, in the image's memory, can be returned from on this
 * processor.  `then`: the processor that wrote it; NULL: not known, and nothing is changed.  Exits with 65 if a
 * register is in use that does not exist here.
 */
void arch_frame_convert(struct arch_frame_change *change, const struct image *image, uint64_t context,
                        const struct arch_vectors *then, uint64_t room);

/* An image without NOTE_PLATFORM does not say where its frame is. */
static inline uint64_t arch_guess_signal_context(const ucontext_t *in_handler)
{
    return 0;
}

#endif
