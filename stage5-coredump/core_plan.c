/*
 * core_plan.c - a core file becomes what stage 3's restorer understands: regions, notes, and a place to jump to.
 *
 *     regions   core_regions.c                 thread, layout   core_state.c
 *     files     files_plan.c, from a text      signal actions   core_signals.c, from the same text
 *     jump      no setcontext(): a signal frame (sigframe.h) that is returned from
 */
#include "core_plan.h"
#include "arch_sigreturn.h"
#include "core.h"
#include "gadget.h"
#include "memory_plan.h"
#include "shared_plan.h"

bool core_is_image(const char *path)
{
    struct image image;
    int status = image_open(&image, path);
    if (status == 0)
        image_close(&image);
    return status == 0;
}

/* Without its stack and its TLS no program runs on: its anonymous memory was left out of the core. */
static void check_memory(const struct image *image, const struct core *core)
{
    const struct image_region *stack = image_region_at(image, arch_core_stack(&core->registers));
    const struct image_region *tls = image_region_at(image, arch_core_tls(&core->registers));
    if (stack == NULL || !(stack->flags & REGION_STORED) || !(stack->prot & PROT_WRITE))
        errx(EX_DATAERR, "%s: the core has no stack where " ARCH_STACK_NAME " is (0x%lx): was coredump_filter "
             "changed? (core(5))",
             core->path, arch_core_stack(&core->registers));
    if (arch_core_tls(&core->registers) != 0 && (tls == NULL || !(tls->flags & REGION_STORED)))
        errx(EX_DATAERR, "%s: the core has no thread-local variables (0x%lx): was coredump_filter changed? "
             "(core(5))", core->path, arch_core_tls(&core->registers));
}

/* The frame needs a few KiB below the program's stack pointer. */
static void check_stack(const struct image *image, const struct core *core, const struct sigframe *frame)
{
    const struct image_region *stack = image_region_at(image, arch_core_stack(&core->registers));
    if (frame->at < stack->start && !(stack->flags & REGION_GROWS_DOWN))
        errx(EX_DATAERR, "%s: the program's stack has no room for a signal frame of %zu bytes", core->path,
             frame->size);
}

static void make_frame(struct core *core, struct image *image, bool verbose)
{
    static struct sigframe frame;
    syscall_restart(&core->registers.general);
    sigframe_build(&frame, core);
    check_stack(image, core, &frame);
    if (verbose && core->from_gdb)
        fprintf(stderr, "restart: gdb does not note which signals were blocked: none is\n");
    struct gadgets gadgets = gadgets_find(image);
    if (!gadgets_chain(&frame, &gadgets))
        warnx("the program has no code that could unmap the restorer: some pages of it will stay");
    else if (verbose)
        fprintf(stderr, "restart: the program unmaps the restorer itself, at 0x%lx and 0x%lx\n", gadgets.call,
                gadgets.sigreturn);
    image_put_note(image, NOTE_FRAME, &frame, sizeof frame);
}

/* The block is made: the frame in it learns where it is; jump() calls frame_enter() in place of setcontext(). */
static void set_jump(struct restorer *r)
{
    const struct part_call *call = &r->calls[r->call_count - 1]; /* frame_part is the last in parts.c */
    struct sigframe *frame = (struct sigframe *)call->note; /* in the block, and ours to write */
    arch_chain_place(&frame->chain, r->start, r->size);
    r->ucontext = (uint64_t)frame;
    r->setcontext = (uint64_t)call->restore + (uint64_t)((const char *)frame_enter - (const char *)frame_restore);
}

void core_plan(struct restart_plan *plan, const char *program, const char *path, const struct files_options *files)
{
    static struct core core;
    sigset_t all;
    sigfillset(&all);
    sigprocmask(SIG_BLOCK, &all, NULL);
    core_open(&core, path);
    core_regions(&core, &plan->image, program);
    check_memory(&plan->image, &core);
    plan->differences += core_left_out(&core, &plan->image, files->text);
    plan->differences += core_shared(&core, &plan->image);
    core_state(&core, &plan->image);
    core_random_note(&plan->image, core_random(&core));
    core_locks(&core, &plan->image);
    core_vdso(&core, &plan->image);
    core_signals(&plan->image, files->text);
    make_frame(&core, &plan->image, plan->verbose);
    plan->differences += files_plan(&plan->image, files);
    plan->differences += memory_plan(&plan->image);
    plan->say_to = stderr_keep(&plan->image);
    times_end(&plan->times, "the core, and its plan");
    plan_make(plan);
    set_jump(plan->restorer);
}
