/* part_context.c - the room of the registers: where setcontext() finds them.  Given. */
#include "part.h"
#include "sys.h"

#include <errno.h>

static long save(const struct save_request *request, void *note, size_t room)
{
    struct image_context *context = note;
    if (room < sizeof *context)
        return -ENOMEM;
    context->ucontext = (uint64_t)request->context;
    context->setcontext = request->setcontext;
    context->second_life = (uint64_t)request->second_life;
    context->copy = *request->context;
    return sizeof *context;
}

static void describe(struct out *o, const void *note, size_t size)
{
    const struct image_context *context = note;
    (void)size;
    out_printf(o, "  ucontext_t at 0x%lx, setcontext() at 0x%lx\n", context->ucontext, context->setcontext);
    out_printf(o, "  rip 0x%lx, rsp 0x%lx\n", (unsigned long)context->copy.uc_mcontext.gregs[REG_RIP],
               (unsigned long)context->copy.uc_mcontext.gregs[REG_RSP]);
}

/* No restore: the jump is the last step of all, in stage 3's restorer. */
const struct part context_part = {
    .type = NOTE_CONTEXT,
    .name = "context",
    .min_size = sizeof(struct image_context),
    .save = save,
    .describe = describe,
};
