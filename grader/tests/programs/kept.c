/* kept.c: what the kernel keeps of the thread, before and after the gate: where
 * it clears the thread's id when it ends, its robust list, the base of gs. */
#define _GNU_SOURCE
#include "program.h"

#include <sys/prctl.h>
#include <sys/syscall.h>
#include <unistd.h>

#ifdef __x86_64__
#include <asm/prctl.h>
#define GS_IS(value)      syscall(SYS_arch_prctl, ARCH_SET_GS, (value))
#define GS_INTO(variable) syscall(SYS_arch_prctl, ARCH_GET_GS, (variable))
#else /* a machine without a second base: what was set is there */
static unsigned long gs;
#define GS_IS(value)      (gs = (unsigned long)(value))
#define GS_INTO(variable) (*(variable) = gs)
#endif

struct kept {
    void *tid_address, *robust_list;
    size_t robust_size;
    unsigned long gs;
};

static void look(struct kept *kept)
{
    if (prctl(PR_GET_TID_ADDRESS, &kept->tid_address, 0, 0, 0) != 0)
        kept->tid_address = NULL; /* a kernel without CONFIG_CHECKPOINT_RESTORE */
    syscall(SYS_get_robust_list, 0, &kept->robust_list, &kept->robust_size);
    GS_INTO(&kept->gs);
}

int main(void)
{
    START();
    struct kept before = { 0 }, after = { 0 };

    GS_IS(&before);
    look(&before);
    gate(1);
    look(&after);
    say("tid address %d", before.tid_address == after.tid_address);
    say("robust list %d", before.robust_list == after.robust_list && before.robust_size == after.robust_size);
    say("gs %d", after.gs == (unsigned long)&before);
    return finish();
}
