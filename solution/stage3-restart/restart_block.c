/*
 * restart_block.c - builds the restorer's block (restorer.h) at a place that nobody needs.
 *
 * restart's own section `restorer` is copied: code whose references are all relative, so it runs at any
 * place.  What it will need is copied behind it, since restart's own memory will be gone.
 */
#include "arch.h"
#include "own_maps.h"
#include "part.h"
#include "part_thread.h"
#include "restart_plan.h"
#include "libc.h"

#include <sys/procfs.h>
#include <sys/user.h>

/* The section `restorer`, as the linker found it (restorer.ld). */
extern const char __start_restorer[], __stop_restorer[];

#define CODE_SIZE ((size_t)(__stop_restorer - __start_restorer))
#define STACK_SIZE (64UL << 10) /* bytes; a few paths lie there at the most */

/* A block under construction. */
struct block {
    char *code, *data, *stack, *moves, *end; /* where its parts begin, and the end of all */
    char *next;                              /* where the next copied thing goes */
};

static uint64_t pages(uint64_t size)
{
    return (size + ARCH_PAGE_SIZE - 1) & ~(ARCH_PAGE_SIZE - 1);
}

/* Maps `size` bytes where neither this process nor the image has anything. */
static char *map_somewhere(const struct restart_plan *plan, uint64_t size)
{
    static struct own_maps own;
    size_t count = plan->image.region_count;
    struct range *coming = malloc(count * sizeof *coming);
    if (coming == NULL || !own_maps_read(&own))
        errx(EX_OSERR, "no memory, or /proc/self/maps cannot be read");
    for (size_t i = 0; i < count; i++)
        coming[i] = (struct range){plan->regions[i].start, plan->regions[i].end};
    uint64_t place = place_find(own.ranges, own.count, coming, count, size);
    free(coming);
    if (place == 0)
        errx(EX_OSERR, "no place for the restorer: no gap of %luK in both address spaces", size / 1024);
    char *at = mmap((void *)place, size, PROT_READ | PROT_WRITE, // NOLINT: never harms what is there
                    MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED_NOREPLACE, -1, 0);
    if (at != (char *)place) // NOLINT
        err(EX_OSERR, "cannot place the restorer at 0x%lx", place);
    return at;
}

static void map_block(struct block *b, const struct restart_plan *plan)
{
    size_t count = plan->image.region_count;
    /* At most the image's head once more, our arrays, and what aligning costs. */
    uint64_t data_size = pages(sizeof(struct restorer) + count * (sizeof(struct image_region) + sizeof(uint64_t)) +
                               plan->image.head_size + ARCH_PAGE_SIZE);
    b->code = map_somewhere(plan, pages(CODE_SIZE) + data_size + STACK_SIZE + plan->moves_size);
    b->data = b->next = b->code + pages(CODE_SIZE);
    b->stack = b->data + data_size;
    b->moves = b->stack + STACK_SIZE;
    b->end = b->moves + plan->moves_size;
}

/* Copies bytes into the block, 16-aligned. */
static void *put(struct block *b, const void *bytes, size_t size)
{
    void *at = memcpy(b->next, bytes, size);
    b->next += (size + 15) & ~15UL;
    return at;
}

static void put_regions(struct block *b, struct restorer *r, const struct restart_plan *plan)
{
    const struct image *image = &plan->image;
    uint64_t *offsets = put(b, image->regions, image->region_count * sizeof *offsets); /* only the room */
    for (size_t i = 0; i < image->region_count; i++)
        offsets[i] = image->loads[i].p_offset;
    r->offsets = offsets;
    r->regions = put(b, plan->regions, image->region_count * sizeof *plan->regions);
    r->region_count = image->region_count;
    r->names = put(b, image->names, image->names_size);
}

/* The address in the block of a function that was linked into the section `restorer`. */
static const char *moved(const struct block *b, const void *function)
{
    return b->code + ((const char *)function - __start_restorer);
}

static void put_call(struct block *b, struct restorer *r, const struct part *part, const void *note, size_t size)
{
    const char *restore = moved(b, (const void *)part->restore);
    struct part_call *call = &r->calls[r->call_count++];
    memcpy(&call->restore, &restore, sizeof restore);
    call->note = put(b, note, size);
    call->size = size;
}

/* An image without NOTE_THREAD (stage 2 writes none): the TLS base at least stands in NT_PRSTATUS. */
static void put_thread_from_registers(struct block *b, struct restorer *r, const struct image *image)
{
    const struct elf_prstatus *status = image_note(image, IMAGE_CORE_NAME, NT_PRSTATUS, sizeof *status, NULL);
    struct user_regs_struct registers;
    if (status == NULL)
        errx(EX_DATAERR, "the image says nothing about the thread: neither a note of ours nor NT_PRSTATUS");
    memcpy(&registers, &status->pr_reg, sizeof registers);
    struct image_thread thread = {.tls = registers.fs_base, .gs = registers.gs_base};
    warnx("the image has no note about the thread: raise() and abort() will not work");
    put_call(b, r, &thread_part, &thread, sizeof thread);
}

static void put_calls(struct block *b, struct restorer *r, const struct image *image)
{
    for (size_t i = 0; all_parts[i] != NULL; i++) {
        size_t size;
        const void *note = image_note(image, IMAGE_NOTE_NAME, all_parts[i]->type, all_parts[i]->min_size, &size);
        if (note != NULL && all_parts[i]->restore != NULL)
            put_call(b, r, all_parts[i], note, size);
        else if (note == NULL && all_parts[i] == &thread_part)
            put_thread_from_registers(b, r, image);
    }
}

/* Where each kernel mapping waits while everything else is replaced: at the block's end. */
static void put_moves(const struct block *b, struct restorer *r, const struct restart_plan *plan)
{
    uint64_t at = (uint64_t)b->moves;
    for (size_t i = 0; i < plan->move_count; i++) {
        r->moves[i] = plan->moves[i];
        r->moves[i].packed = at;
        at += plan->moves[i].size;
    }
    r->move_count = plan->move_count;
}

void block_build(struct restart_plan *plan)
{
    const struct image_context *context = plan->image.context;
    struct block b;
    map_block(&b, plan);
    memcpy(b.code, __start_restorer, CODE_SIZE);
    struct restorer empty = {
        .start = (uint64_t)b.code, .size = (uint64_t)(b.end - b.code), .image = plan->image.fd,
        .lazy = plan->options.lazy, .stop = plan->options.stop, .own_rseq = rseq_find(),
        .ucontext = context->ucontext, .setcontext = context->setcontext, .second_life = context->second_life,
    };
    plan->restorer = put(&b, &empty, sizeof empty);
    put_regions(&b, plan->restorer, plan);
    put_calls(&b, plan->restorer, &plan->image);
    put_moves(&b, plan->restorer, plan);
    const char *entry = moved(&b, (const void *)restorer_run);
    memcpy(&plan->entry, &entry, sizeof entry);
    plan->stack_top = b.moves;
    if (mprotect(b.code, pages(CODE_SIZE), PROT_READ | PROT_EXEC) != 0)
        err(EX_OSERR, "cannot make the restorer executable");
}
