/*
 * vdso_leave.c - out of the vdso, one instruction at a time: vdso_leave.h.  Given.
 *
 * Who reads the clock in a loop is inside the vdso nearly always, so to wait for luck takes long.  The processor's
 * trap flag is sure: in the signal's frame it makes the program run one instruction when the handler returns, and
 * then SIGTRAP comes, which for this while has the same handler.  A clock is read in about 60 steps.
 *
 *     program   ...call clock_gettime    |          |    |    |        ret  next instruction
 *     handler                         SIGUSR2    SIGTRAP ...          SIGTRAP: outside; save
 *
 * No other signal comes between: all are blocked but those by which the processor and the kernel say that an
 * instruction went wrong.  Afterwards action and mask are the program's again.
 *
 * A handler of the program's that is running may have interrupted the vdso, too, and will return into it.  This
 * cannot be hurried, so the image says it.
 */
#include "vdso_leave.h"
#include "arch_vdso.h"
#include "image_signals.h"
#include "image_vdso.h"
#include "maps.h"
#include "procfile.h"
#include "sys.h"
#include "text.h"

#include <sys/auxv.h>

#define MOST_STEPS 10000           /* a step takes 1 to 70 microseconds: a virtual machine is slow at it */
#define MOST_STACK (16UL << 20)    /* bytes of it that are searched */
#define MOST_CALLERS 4096          /* words of stack between the kernel's frame and our handler */
#define BIT(signal) (1UL << ((signal) - 1))
#define FAULTS (BIT(SIGSEGV) | BIT(SIGBUS) | BIT(SIGILL) | BIT(SIGFPE) | BIT(SIGTRAP) | BIT(SIGSYS))

static struct image_vdso told;
static uint64_t kernel_end;             /* where this kernel's vdso ends, which begins at told.kernel */
static int steps;                       /* that the program has made; 0: it makes none */
static struct kernel_sigaction program; /* its action for SIGTRAP, while it makes steps */
static uint64_t mask;                   /* and what it blocks */

/* From AT_SYSINFO_EHDR on, as far as memory with the same rights goes; and [vdso], which may be another region. */
static void find_vdso(void)
{
    static char line[MAPS_BUFFER_SIZE];
    struct maps_reader reader;
    struct region region;
    told = (struct image_vdso){.start = getauxval(AT_SYSINFO_EHDR)};
    long fd = sys_open("/proc/self/maps", O_RDONLY | O_CLOEXEC, 0);
    maps_start(&reader, (int)fd, line, sizeof line);
    while (fd >= 0 && maps_next(&reader, &region) == 1) {
        if (region.start == told.start)
            told.size = region.end - region.start;
        if (strcmp(region.name, "[vdso]") == 0) {
            told.kernel = region.start;
            kernel_end = region.end;
        }
    }
    if (fd >= 0)
        sys_close((int)fd);
}

static bool is_inside(const ucontext_t *context)
{
    uint64_t at = arch_frame_code(context);
    bool inside = (at >= told.start && at - told.start < told.size) || (at >= told.kernel && at < kernel_end);
    return inside && !arch_is_ending(context);
}

static bool is_traced(void)
{
    static char status[4096];
    const char *tracer = procfile_read("/proc/self/status", status, sizeof status) > 0 ?
                         strstr(status, "\nTracerPid:\t") : NULL;
    return tracer == NULL || tracer[strlen("\nTracerPid:\t")] != '0';
}

/* SIGTRAP is taken: it is the checkpoint signal, one waits for the program, or there is a debugger, whose it is. */
static bool is_taken(int own)
{
    uint64_t waiting = 0;
    sys_call(SYS_rt_sigpending, (long)&waiting, MASK_SIZE, 0, 0);
    return own == SIGTRAP || (waiting & BIT(SIGTRAP)) || is_traced();
}

/* SIGTRAP gets the checkpoint signal's action, with its flags and the stack that they choose. */
static void begin(ucontext_t *context, int own)
{
    struct kernel_sigaction ours;
    sys_call(SYS_rt_sigaction, own, 0, (long)&ours, MASK_SIZE);
    sys_call(SYS_rt_sigaction, SIGTRAP, (long)&ours, (long)&program, MASK_SIZE);
    memcpy(&mask, &context->uc_sigmask, MASK_SIZE);
    uint64_t all = ~FAULTS | (mask & ~BIT(SIGTRAP)); /* one that the program blocks may wait: not to come now */
    memcpy(&context->uc_sigmask, &all, MASK_SIZE);
    steps = 1;
}

/* In that vdso where the program is; afterwards in both. */
static void step(ucontext_t *context)
{
    uint64_t at = arch_frame_code(context);
    bool own = at >= told.kernel && at < kernel_end;
    arch_frame_step(context, true, own ? told.kernel : told.start, own ? kernel_end - told.kernel : told.size);
}

static void end(ucontext_t *context)
{
    sys_call(SYS_rt_sigaction, SIGTRAP, (long)&program, 0, MASK_SIZE);
    memcpy(&context->uc_sigmask, &mask, MASK_SIZE);
    arch_frame_step(context, false, told.kernel, kernel_end - told.kernel);
    if (told.start != told.kernel)
        arch_frame_step(context, false, told.start, told.size);
    steps = 0;
}

/*
 * Looks for signals' frames from `at` upwards, to the end of this memory: a word tells each.  Returns the
 * stack that the last one had interrupted, if that is another one; else 0.
 */
static uint64_t search_stack(uint64_t at, uint64_t restorer, bool *found)
{
    static uint64_t words[ARCH_PAGE_SIZE / sizeof(uint64_t)];
    static ucontext_t frame;
    uint64_t start = at, other = 0;
    for (; at - start < MOST_STACK && sys_peek(at, words, ARCH_PAGE_SIZE - at % ARCH_PAGE_SIZE);
         at += ARCH_PAGE_SIZE - at % ARCH_PAGE_SIZE)
        for (size_t i = 0; i < (ARCH_PAGE_SIZE - at % ARCH_PAGE_SIZE) / sizeof *words; i++) {
            uint64_t word = at + i * sizeof *words;
            if (words[i] != arch_frame_word(restorer) || !arch_is_frame(word - ARCH_FRAME_BEFORE_WORD, &frame))
                continue;
            *found |= is_inside(&frame);
            other = arch_frame_stack(&frame);
        }
    return other >= start && other < at ? 0 : other;
}

/* The code that ends a handler: libc's. */
static uint64_t restorer(int own)
{
    struct kernel_sigaction ours = {0};
    sys_call(SYS_rt_sigaction, own, 0, (long)&ours, MASK_SIZE);
    return ours.restorer;
}

static bool will_return_inside(uint64_t at, int own)
{
    bool found = false;
    for (int stacks = 0; at != 0 && stacks < 4 && !found; stacks++)
        at = search_stack(at & ~7UL, restorer(own), &found);
    return found;
}

ucontext_t *vdso_frame(ucontext_t *context, int own)
{
    uint64_t code = arch_frame_word(restorer(own)), word = 0;
    for (uint64_t at = (uint64_t)context + ARCH_FRAME_BEFORE_WORD, i = 0; i < MOST_CALLERS; i++, at += sizeof word)
        if (sys_peek(at, &word, sizeof word) && word == code && arch_is_whole_frame(at - ARCH_FRAME_BEFORE_WORD))
            return (ucontext_t *)(at - ARCH_FRAME_BEFORE_WORD); // NOLINT: an address becomes a pointer here
    return NULL;
}

bool vdso_leave(ucontext_t *context, int signal, int own)
{
    if (vdso_frame(context, own) != context) { /* the program's handler has called ours: SIGTRAP would go there */
        find_vdso();
        told.flags = will_return_inside((uint64_t)context, own) ? VDSO_BELOW : 0;
        return false;
    }
    if (signal == own && steps > 0) { /* a step went wrong, and the program's handler for that did not return */
        sys_call(SYS_rt_sigaction, SIGTRAP, (long)&program, 0, MASK_SIZE);
        steps = 0;
    }
    if (signal == own)
        find_vdso();
    if (steps > 0)
        arch_frame_stepped(context);
    bool inside = is_inside(context);
    if (inside && signal == own && !is_taken(own))
        begin(context, own);
    if (inside && steps > 0 && steps++ < MOST_STEPS) {
        step(context);
        return true;
    }
    if (steps > 0)
        end(context);
    told.flags = inside ? VDSO_INSIDE : will_return_inside(arch_frame_stack(context), own) ? VDSO_BELOW : 0;
    return false;
}

const struct image_vdso *vdso_told(void)
{
    return &told;
}
