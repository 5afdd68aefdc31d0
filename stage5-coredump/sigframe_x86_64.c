/* sigframe_x86_64.c - builds a signal frame from the registers of a core.  See sigframe.h for the picture. */
#include "sigframe.h"
#include "arch_platform.h"

#include <cpuid.h>


#define RED_ZONE 128 /* bytes below rsp that a function may use without moving rsp (System V ABI, 3.2.2) */
#define KERNEL_UCONTEXT_SIZE 304 /* struct ucontext of <asm/ucontext.h>; libc's ucontext_t begins alike */
#define XSAVE_HEADER 512 /* where XSTATE_BV is: which registers are not in their initial state */
#define SOFTWARE_BYTES 464 /* struct _fpx_sw_bytes, in the legacy area */
#define MASKS 5 /* the part of the xsave area that has k0 to k7 */
#define AMDS_MASKS 832 /* its offset, in bytes, on AMD's processors, and on Intel's */
#define INTELS_MASKS 1088
#define INTELS_AREA 2688 /* bytes up to the end of zmm31 in Intel's order */
#define UC_FLAGS 7 /* UC_FP_XSTATE, UC_SIGCONTEXT_SS, UC_STRICT_RESTORE_SS */

/*
 * Where k0 to k7 lie in the core's area: what is behind them is in the same order.  Its layout note tells, else its
 * size: Intel's processors have a gap before them, and AMD's have not.
 */
static unsigned offset_in_core(const struct core *core)
{
    for (size_t i = 0; i < core->xlayout_count; i++)
        if (core->xlayout[i][0] == MASKS)
            return core->xlayout[i][2];
    return core->xstate_size < INTELS_AREA ? AMDS_MASKS : INTELS_MASKS;
}

/*
 * The parts of the area beyond AVX must be where this processor has them: cpuid, leaf 0xd.  gdb before version 14
 * took the order for Intel's everywhere, and so on AMD processors with AVX-512 its cores lack k0 to k7 and the
 * upper halves of zmm0 to zmm5.
 */
static void check_order(const struct core *core, uint64_t used)
{
    unsigned size, own, c, d;
    __cpuid_count(0xd, MASKS, size, own, c, d);
    if (used >> MASKS == 0 || own == 0 || own == offset_in_core(core))
        return;
    if (!core->from_gdb || own == INTELS_MASKS)
        errx(EX_DATAERR, "%s: the vector registers are in the order of another processor", core->path);
    warnx("%s: a gdb before version 14 wrote it, which writes AVX-512 registers wrongly on this processor: if the "
          "program uses them, it may compute wrongly now (000-README, step 5.5)", core->path);
}

/*
 * Puts the vector registers behind the frame.  The core has the area in the processor's standard form; its end
 * may lack, or have registers (AMX) for which this kernel has no room in a frame unless a program asks.
 */
static void put_xstate(const struct core *core, char *to, struct arch_frame_format own)
{
    uint64_t used = 3; /* x87 and SSE: all that NT_FPREGSET has */
    size_t size = core->xstate_size < own.size ? core->xstate_size : own.size;
    /* TODO 5.5: The vector registers.
     * Copy the first `size` bytes of core->xstate to `to`; or 512 bytes of core->fpregs, if there is no xstate. At
     * XSAVE_HEADER is a mask of 64 bits, which registers are in use: for NT_FPREGSET write `used` there. If it has
     * bits that own.features has not, this processor has no such registers: errx(). Then the kernel's own mark:
     * struct _fpx_sw_bytes at SOFTWARE_BYTES, with FP_XSTATE_MAGIC1, extended_size (own.size + 4), xstate_bv and
     * xstate_size from `own`; and FP_XSTATE_MAGIC2, 4 bytes, behind the area. Without the marks the kernel loads
     * the lowest 512 bytes only. */
    (void)used, (void)size;
    check_order(core, used);
}

static void put_registers(const struct core *core, ucontext_t *to)
{
    const struct user_regs_struct *r = &core->registers.general;
    greg_t *regs = to->uc_mcontext.gregs;
    /* TODO 5.4: All general registers, from NT_PRSTATUS into the frame.
     * Goal: all of `r` in `regs` (not the bases of fs and gs), and the signals that the program had blocked.
     * Where to read: <sys/user.h> and <sys/ucontext.h> for the names on both sides; struct sigcontext in
     * <asm/sigcontext.h> for the word in which segments lie side by side; core.h and <sys/procfs.h> for signals.
     */
    (void)r, (void)regs;
    to->uc_flags = UC_FLAGS;
    to->uc_stack.ss_flags = SS_DISABLE; /* a core does not tell of an alternate stack */
}

/*
 *     at: | address of restore_rt | ucontext_t | ... | xsave area |  magic2  | red zone | rsp
 *           ^ 16n - 8               ^ 16n              ^ 64n
 */
void sigframe_build(struct sigframe *frame, const struct core *core)
{
    struct arch_frame_format own = arch_frame_format();
    size_t size = own.size + FP_XSTATE_MAGIC2_SIZE;
    uint64_t xstate_at = (core->registers.general.rsp - RED_ZONE - size) & ~63UL;
    uint64_t context_at = xstate_at - round_up(KERNEL_UCONTEXT_SIZE, 64);
    if (own.size == 0 || round_up(KERNEL_UCONTEXT_SIZE, 64) + size + 128 > sizeof frame->bytes)
        errx(EX_OSERR, "the vector registers of this processor are not known (%u bytes)", own.size);
    ucontext_t context = {0};
    put_registers(core, &context);
    context.uc_mcontext.fpregs = (fpregset_t)xstate_at; // NOLINT: in the program's memory
    frame->at = context_at - 8;
    frame->first = context_at;
    frame->size = xstate_at + size - frame->at;
    memcpy(frame->bytes + 8, &context, KERNEL_UCONTEXT_SIZE);
    put_xstate(core, frame->bytes + (xstate_at - frame->at), own);
}
