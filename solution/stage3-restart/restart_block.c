/*
 * restart_block.c - builds the restorer's block (restorer.h) at a place that nobody needs.
 *
 * restart's own section `restorer` is copied: code whose references are all relative, so it runs at any
 * place.  What it will need is copied behind it, since restart's own memory will be gone.
 */
#include "arch.h"
#include "own_maps.h"
#include "part_thread.h"
#include "restart_plan.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/procfs.h>
#include <sys/user.h>
#include <sysexits.h>

/* The section `restorer`, as the linker found it (restorer.ld). */
extern const char __start_restorer[], __stop_restorer[];

#define RESTORER_STACK_SIZE (64UL << 10) /* a region's path, a directory name; measured use: under 8 KiB */

/* A block under construction: its parts' sizes, and where the next copied thing goes. */
struct block {
    uint64_t start, code_size, data_size, stack_size, size;
    char *next;
};

static uint64_t pages(uint64_t size)
{
    return (size + ARCH_PAGE_SIZE - 1) & ~(ARCH_PAGE_SIZE - 1);
}

/* Everything that is copied behind the code: at most the image's head, our arrays and some padding. */
static void measure(struct block *block, const struct restart_plan *plan)
{
    size_t count = plan->image->region_count;
    block->code_size = pages((uint64_t)(__stop_restorer - __start_restorer));
    block->data_size = pages(sizeof(struct restorer) + count * (sizeof(struct image_region) + sizeof(uint64_t)) +
                             plan->image->head_size + 4096);
    block->stack_size = RESTORER_STACK_SIZE;
    block->size = block->code_size + block->data_size + block->stack_size + plan->moves_size;
}

/* The image's regions as ranges, for place_find(). */
static struct range *coming_ranges(const struct restart_plan *plan)
{
    struct range *ranges = malloc(plan->image->region_count * sizeof *ranges);
    for (size_t i = 0; ranges != NULL && i < plan->image->region_count; i++)
        ranges[i] = (struct range){plan->regions[i].start, plan->regions[i].end};
    return ranges;
}

/* Finds the place and maps the block there; MAP_FIXED_NOREPLACE never harms what is there. */
static int map_block(struct block *block, const struct restart_plan *plan)
{
    struct range *coming = coming_ranges(plan);
    struct own_maps own;
    int error = coming == NULL ? ENOMEM : own_maps_read(&own);
    if (error == 0) {
        block->start = place_find(own.ranges, own.count, coming, plan->image->region_count, block->size);
        own_maps_free(&own);
    }
    free(coming);
    if (error != 0)
        return plan_refuse(EX_OSERR, "looking for a place: %s", strerror(error));
    if (block->start == 0)
        return plan_refuse(EX_OSERR, "no place for the restorer: no gap of %lu KiB in the address space", block->size / 1024);
    void *at = mmap((void *)block->start, block->size, PROT_READ | PROT_WRITE, // NOLINT
                    MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED_NOREPLACE, -1, 0);
    if (at == MAP_FAILED)
        return plan_refuse(EX_OSERR, "cannot place the restorer at 0x%lx: %s", block->start, strerror(errno));
    if (at != (void *)block->start) // NOLINT: a kernel before 4.17 takes the address for a hint
        return plan_refuse(EX_OSERR, "cannot place the restorer at 0x%lx: it is in use", block->start);
    return 0;
}

/* Copies bytes into the block, 16-aligned. */
static void *put(struct block *block, const void *bytes, size_t size)
{
    char *at = block->next;
    memcpy(at, bytes, size);
    block->next += (size + 15) & ~15UL;
    return at;
}

static void put_regions(struct block *block, struct restorer *r, const struct restart_plan *plan)
{
    const struct image *image = plan->image;
    uint64_t *offsets = put(block, image->regions, image->region_count * sizeof *offsets); /* filled below */
    for (size_t i = 0; i < image->region_count; i++)
        offsets[i] = image->loads[i].p_offset;
    r->offsets = offsets;
    r->regions = put(block, plan->regions, image->region_count * sizeof *plan->regions);
    r->region_count = image->region_count;
    /* The names end where the notes end, at the latest. */
    r->names = put(block, image->names, (size_t)(image->head + image->head_size - image->names));
}

/* The address in the block of a function that was linked into the section `restorer`. */
static void *moved(const struct block *block, const void *function)
{
    return (char *)block->start + ((const char *)function - __start_restorer); // NOLINT
}

static void add_call(struct block *block, struct restorer *r, const struct part *part, const void *note, size_t size)
{
    void *restore = moved(block, (const void *)part->restore);
    struct part_call *call = &r->calls[r->call_count++];
    memcpy(&call->restore, &restore, sizeof restore);
    call->note = put(block, note, size);
    call->size = size;
}

/* An image without NOTE_THREAD (stage 2 writes none): the TLS base at least stands in NT_PRSTATUS. */
static void add_thread_from_registers(struct block *block, struct restorer *r, const struct image *image)
{
    struct elf_prstatus status;
    struct user_regs_struct registers;
    const void *note = image_note(image, IMAGE_CORE_NAME, NT_PRSTATUS, sizeof status, NULL);
    if (note == NULL)
        return;
    memcpy(&status, note, sizeof status);
    memcpy(&registers, &status.pr_reg, sizeof registers);
    struct image_thread thread = {.tls = registers.fs_base, .gs = registers.gs_base};
    fprintf(stderr, "restart: the image has no note about the thread: raise() and abort() will not work\n");
    add_call(block, r, &thread_part, &thread, sizeof thread);
}

static void put_calls(struct block *block, struct restorer *r, const struct image *image)
{
    for (size_t i = 0; all_parts[i] != NULL; i++) {
        size_t size;
        const struct part *part = all_parts[i];
        const void *note = image_note(image, IMAGE_NOTE_NAME, part->type, part->min_size, &size);
        if (note != NULL && part->restore != NULL)
            add_call(block, r, part, note, size);
        else if (note == NULL && part == &thread_part)
            add_thread_from_registers(block, r, image);
    }
}

/* Where each kernel mapping waits while everything else is replaced: at the block's end. */
static void put_moves(const struct block *block, struct restorer *r, const struct restart_plan *plan)
{
    uint64_t at = block->start + block->size - plan->moves_size;
    memcpy(r->moves, plan->moves, sizeof plan->moves);
    r->move_count = plan->move_count;
    for (size_t i = 0; i < r->move_count; i++) {
        r->moves[i].packed = at;
        at += r->moves[i].size;
    }
}

static struct restorer *fill_block(struct block *block, const struct restart_plan *plan)
{
    const struct image_context *context = plan->image->context;
    block->next = (char *)block->start; // NOLINT
    put(block, __start_restorer, (size_t)(__stop_restorer - __start_restorer));
    block->next = (char *)block->start + block->code_size; // NOLINT
    struct restorer empty = {
        .start = block->start, .size = block->size, .image = plan->image->fd, .lazy = plan->options->lazy,
        .stop = plan->options->stop, .request = {.verbose = plan->options->verbose}, .own_rseq = rseq_find(),
        .ucontext = context->ucontext, .setcontext = context->setcontext, .second_life = context->second_life,
    };
    struct restorer *r = put(block, &empty, sizeof empty);
    put_regions(block, r, plan);
    put_calls(block, r, plan->image);
    put_moves(block, r, plan);
    return r;
}

int block_build(struct restart_plan *plan)
{
    struct block block;
    measure(&block, plan);
    int status = map_block(&block, plan);
    if (status != 0)
        return status;
    plan->restorer = fill_block(&block, plan);
    plan->entry = moved(&block, (const void *)restorer_run);
    plan->stack_top = (char *)block.start + block.code_size + block.data_size + block.stack_size; // NOLINT
    if (mprotect((void *)block.start, block.code_size, PROT_READ | PROT_EXEC) != 0) // NOLINT
        return plan_refuse(EX_OSERR, "cannot make the restorer executable: %s", strerror(errno));
    return 0;
}
