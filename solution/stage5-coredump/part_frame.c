/*
 * part_frame.c - the last room of a restart from a core: the signal frame goes to the program's stack, and is
 * entered.
 *
 * No image has this note: restart makes it (core_plan.c).  restore() only copies; frame_enter() takes the place of
 * setcontext() in the restorer's last phase (restorer.c, jump()).
 */
#include "frame.h"
#include "part.h"

#include "arch_sigreturn.h"

static long save(const struct save_request *request, void *note, size_t room)
{
    return 0;
}

static void describe(part_printf print, const void *note, size_t size)
{
}

long frame_restore(const void *note, size_t size)
{
    const struct sigframe *frame = note;
    memcpy((void *)frame->at, frame->bytes, frame->size); // NOLINT: in the program's stack
    return 0;
}

/*
 * Become the program.  With a chain, the first frame lies in the restorer's block: the kernel has read it before
 * munmap(2) takes the block away.
 */
int frame_enter(const ucontext_t *note)
{
    const struct sigframe *frame = (const struct sigframe *)note; // NOLINT: jump() hands over what it has
    //@ step 5.6 Return from a signal that never came.
    //@ arch_sigreturn() with the address of the ucontext_t to begin with: &frame->chain if it is chained, else
    //@ frame->first. It does not return.
    //@ stub: (void)frame;
    //@ stub: return -ENOSYS;
    arch_sigreturn(frame->chained ? (uint64_t)&frame->chain : frame->first);
    //@ end
}

const struct part frame_part = {NOTE_FRAME, "frame", sizeof(struct sigframe), save, describe, frame_restore};
