/*
 * part_thread.c - the room of the thread: what the kernel knows of it besides its registers.
 *
 * Without the TLS base the first access to errno, to a canary or to the pointer guard goes astray:
 * "stack smashing detected", or a crash in printf or exit.  Without the tid address raise() and abort()
 * signal a process that is not there.  Without rseq the kernel goes on writing to where restart's was.
 */
#include "part_thread.h"
#include "part.h"
#include "thread_id.h"

static long save(const struct save_request *request, void *note, size_t room)
{
    struct image_thread *t = note;
    /* TODO 3.6: Save what the kernel knows of the thread.
     * arch_get_tls(), arch_get_gs(); the tid address with prctl(2) PR_GET_TID_ADDRESS (a kernel without
     * CONFIG_CHECKPOINT_RESTORE does not tell: leave it 0); the robust list with SYS_get_robust_list; rseq's
     * address and size stand in the request, since only libc knows them. */
    t->id_place = request->thread_id; /* given: libckpt's constructor has found it */
    return sizeof *t;
}

/* Where libc's copy of the thread's id is; 0: unknown. */
static uint64_t id_address(const struct image_thread *t)
{
    if (t->id_place == 0)
        return t->tid_address;
    return t->id_place == THREAD_ID_UNKNOWN ? 0 : t->tls + (uint64_t)(int32_t)t->id_place;
}

static void describe(part_printf print, const void *note, size_t size)
{
    const struct image_thread *t = note;
    print("  TLS base 0x%lx, gs base 0x%lx\n", t->tls, t->gs);
    uint64_t id = id_address(t);
    print("  tid address 0x%lx; libc keeps the id at 0x%lx%s\n", t->tid_address, id,
          id == 0 ? " (unknown: raise() and abort() will not work after a restart)" : "");
    print("  robust list 0x%lx, rseq 0x%lx (%u bytes)\n", t->robust_list, t->rseq_address, t->rseq_size);
}

/*
 * libc keeps the thread's id in its own memory, which now holds the number of the first life.
 * set_tid_address(2) registers the kernel's address again, and answers the thread's id of today.
 */
static void restore_tid(const struct image_thread *t)
{
    long tid = sys_call(SYS_set_tid_address, (long)t->tid_address, 0, 0, 0);
    if (id_address(t) != 0)
        *(int *)id_address(t) = (int)tid; // NOLINT: an address becomes a pointer here
}

static long restore(const void *note, size_t size)
{
    const struct image_thread *t = note;
    /* TODO 3.6: Give the thread back to the kernel.
     * arch_set_tls(); arch_set_gs() if it is not 0; restore_tid(t); then
     * SYS_set_robust_list and SYS_rseq (flags 0, ARCH_RSEQ_SIGNATURE) if they were registered. */
    (void)t, (void)restore_tid;
    return 0;
}

const struct part thread_part = {NOTE_THREAD, "thread", sizeof(struct image_thread), save, describe, restore};
