/*
 * sigframe_aarch64.c - builds a signal frame from the registers of a core: arch_registers_aarch64.h has the
 * picture.  Given.
 */
#include "sigframe.h"
#include "arch_platform.h"
#include "arch_sigreturn.h"

#define MOST_CALLERS 256

/* NT_FPREGSET, struct user_fpsimd_state of <asm/ptrace.h>, becomes the first record. */
static void put_vectors(const struct core *core, char *records)
{
    struct fpsimd_context record = {.head = {FPSIMD_MAGIC, sizeof record}};
    const char *from = core->fpregs;
    if (from != NULL) {
        memcpy(record.vregs, from, sizeof record.vregs);
        memcpy(&record.fpsr, from + sizeof record.vregs, sizeof record.fpsr);
        memcpy(&record.fpcr, from + sizeof record.vregs + sizeof record.fpsr, sizeof record.fpcr);
    }
    memcpy(records, &record, sizeof record); /* what follows is zero: the end of the records */
}

static void put_registers(const struct core *core, ucontext_t *to)
{
    const struct user_regs_struct *r = &core->registers.general;
    for (int i = 0; i < 31; i++)
        to->uc_mcontext.regs[i] = r->regs[i];
    to->uc_mcontext.sp = r->sp;
    to->uc_mcontext.pc = r->pc;
    to->uc_mcontext.pstate = r->pstate & 0xf0001000; /* the flags, and SSBS: the rest is the kernel's */
    memcpy(&to->uc_sigmask, &core->status->pr_sighold, 8);
    to->uc_stack.ss_flags = SS_DISABLE; /* a core does not tell of an alternate stack */
}

/* Addresses that the process signed with keys of its own (PAC): here they would be found wrong. */
static void check_keys(const struct core *core)
{
    uint64_t frame[2] = {core->registers.general.regs[29], core->registers.general.regs[30]};
    for (int i = 0; i < MOST_CALLERS; i++) {
        uint64_t at = frame[0];
        if (frame[1] >= 1UL << 55 || (frame[1] >= ARCH_USER_END && frame[1] >> 48 != 0))
            errx(EX_DATAERR, "%s: its return addresses are signed (PAC) with keys that no other process can have; "
                 "an image of ckpt's has none", core->path);
        if (at % 16 != 0 || !core_read(core, at, frame, sizeof frame) || frame[0] <= at)
            return;
    }
}

/*
 *     at: | siginfo_t | ucontext_t | x29, x30 | sp
 */
void sigframe_build(struct sigframe *frame, const struct core *core)
{
    uint64_t sp = core->registers.general.sp;
    ucontext_t context = {0};
    check_keys(core);
    put_registers(core, &context);
    put_vectors(core, (char *)&context + ARCH_RECORDS);
    frame->size = round_up(ARCH_SIGINFO + sizeof context, 16) + 16;
    frame->at = (sp & ~15UL) - frame->size;
    frame->first = frame->at + ARCH_SIGINFO;
    memcpy(frame->bytes + ARCH_SIGINFO, &context, sizeof context);
    memcpy(frame->bytes + frame->size - 16, &core->registers.general.regs[29], 16);
}
