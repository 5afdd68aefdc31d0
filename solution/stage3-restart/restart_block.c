/*
 * restart_block.c - builds the restorer's block (restorer.h) at a place that nobody needs.
 *
 * restart's own section `restorer` is copied: code whose references are all relative, so it runs at any
 * place.  What it will need is copied behind it, since restart's own memory will be gone.
 */
#include "part_thread.h"
#include "restart_plan.h"

/* The section `restorer`, as the linker found it (restorer.ld). */
extern const char __start_restorer[], __stop_restorer[];

#define CODE_SIZE ((size_t)(__stop_restorer - __start_restorer))
#define CODE_PAGES round_up(CODE_SIZE, ARCH_PAGE_SIZE)
#define STACK_SIZE (64UL << 10) /* bytes; a few paths lie there at the most */
#define TABLE_SPAN (2UL << 20)  /* bytes that one page table stands for: mremap(2) moves the table, not each page */

/* A block under construction. */
struct block {
    char *code;  /* where it begins */
    char *moves; /* where the stack ends, and the room for the kernel's mappings begins */
    char *next;  /* where the next copied thing goes */
    uint64_t size, here_size; /* the latter: its end, where memory waits that has its bytes already */
};

/* The kernel's mappings go elsewhere than in the image if there is a bridge (vdso_bridge.c). */
static bool is_free_later(const struct own_maps *own, uint64_t place, uint64_t size)
{
    bool is_free = true;
    for (const struct kernel_move *move = own->moves; move < own->moves + own->move_count; move++)
        is_free &= move->to == 0 || move->to >= place + size || move->to + move->size <= place;
    return is_free;
}

/* How much room memory needs that is here already; a little more, so that each lies in its table as it did. */
static uint64_t here_room(const struct image *image)
{
    uint64_t size = 0;
    for (const struct image_region *r = image->regions; r < image->regions + image->region_count; r++)
        if (r->flags & REGION_HERE)
            size += r->end - r->start + TABLE_SPAN;
    return size;
}

/* Maps the block where neither this process nor the image has anything. */
static void map_block(struct block *b, const struct restart_plan *plan)
{
    const struct own_maps *own = &plan->own;
    uint64_t moves_size = 0;
    for (size_t i = 0; i < own->move_count; i++)
        moves_size += own->moves[i].size;
    /* At the most the image's head once more, and what aligning costs: less than a page. */
    b->size = CODE_PAGES + STACK_SIZE + moves_size +
              round_up(sizeof(struct restorer) + plan->image.head_size + plan->image.made_size + ARCH_PAGE_SIZE,
                       ARCH_PAGE_SIZE);
    b->size += b->here_size = here_room(&plan->image);
    uint64_t place = place_find(own->ranges, own->count, plan->image.regions, plan->image.region_count, b->size);
    if (place == 0 || !is_free_later(own, place, b->size))
        errx(EX_OSERR, "no place for the restorer: no gap of %luK in both address spaces", b->size / 1024);
    b->code = mmap((void *)place, b->size, PROT_NONE, // NOLINT: never harms what is there
                   MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE | MAP_FIXED_NOREPLACE, -1, 0);
    bool fits = b->code == (char *)place; // NOLINT: an address becomes a pointer here
    if (!fits || mprotect(b->code, b->size - b->here_size, PROT_READ | PROT_WRITE) != 0)
        err(EX_OSERR, "cannot place the restorer at 0x%lx", place);
    b->moves = b->code + CODE_PAGES + STACK_SIZE;
    b->next = b->moves + moves_size;
}

/* Copies bytes into the block, 16-aligned. */
static void *put(struct block *b, const void *bytes, size_t size)
{
    void *at = memcpy(b->next, bytes, size);
    b->next += (size + 15) & ~15UL;
    return at;
}

/* The address in the block of a function that was linked into the section `restorer`. */
static void *moved(const struct block *b, const void *function)
{
    return b->code + ((const char *)function - __start_restorer);
}

/* For an image without NOTE_THREAD (stage 2 writes none): the TLS base at least stands in NT_PRSTATUS. */
static void thread_from_registers(struct image *image)
{
    static struct image_thread thread;
    struct arch_core core;
    if (!image_registers(image, &core))
        errx(EX_DATAERR, "the image says nothing about the thread: neither a note of ours nor NT_PRSTATUS");
    warnx("the image has no note about the thread: raise() and abort() will not work");
    thread = (struct image_thread){.tls = arch_core_tls(&core), .gs = arch_core_gs(&core)};
    image_put_note(image, NOTE_THREAD, &thread, sizeof thread);
}

static void put_calls(struct block *b, struct restorer *r, const struct image *image)
{
    for (const struct part *const *part = all_parts; *part != NULL; part++) {
        size_t size;
        const void *note = image_note(image, IMAGE_NOTE_NAME, (*part)->type, (*part)->min_size, &size);
        if (note != NULL && (*part)->restore != NULL)
            r->calls[r->call_count++] = (struct part_call){put(b, (*part)->name, strlen((*part)->name) + 1),
                                                           moved(b, (*part)->restore), put(b, note, size), size};
    }
}

/* Where the kernel's mappings, and memory that is here already, wait while all else is replaced. */
static void put_moves(const struct block *b, struct restorer *r, const struct restart_plan *plan)
{
    const struct image_region *here = plan->image.regions, *end = here + plan->image.region_count;
    uint64_t packed = (uint64_t)b->moves;
    for (size_t i = 0; i < r->move_count; packed += r->moves[i++].size) {
        r->moves[i] = plan->own.moves[i];
        r->moves[i].packed = packed;
    }
    packed = (uint64_t)b->code + b->size - b->here_size;
    for (; here < end; here++) {
        if (!(here->flags & REGION_HERE))
            continue;
        packed += (here->start - packed) % TABLE_SPAN;
        r->moves[r->move_count] = (struct kernel_move){here->start, here->start, packed, 0, "what came"};
        packed += r->moves[r->move_count++].size = here->end - here->start;
    }
}

void block_build(struct restart_plan *plan)
{
    struct image *image = &plan->image;
    const struct image_context *context = image->context;
    struct block b;
    if (image_note(image, IMAGE_NOTE_NAME, NOTE_THREAD, sizeof(struct image_thread), NULL) == NULL) {
        thread_from_registers(image);
        plan->differences++;
    }
    map_block(&b, plan);
    memcpy(b.code, __start_restorer, CODE_SIZE);
    if (plan->say_to != 0)
        *(int *)moved(&b, &say_to) = plan->say_to;
    struct restorer *r = plan->restorer = put(&b, &(struct restorer){0}, sizeof *r);
    *r = (struct restorer){
        .start = (uint64_t)b.code, .size = b.size, .image = image->fd, .lazy = plan->lazy, .stop = plan->stop,
        .regions = put(&b, image->regions, image->region_count * sizeof *image->regions),
        .loads = put(&b, image->loads, image->region_count * sizeof *image->loads),
        .region_count = image->region_count, .names = put(&b, image->names, image->names_size),
        .move_count = plan->own.move_count, .own_rseq = rseq_find(),
        .ucontext = context->ucontext, .setcontext = context->setcontext, .second_life = context->second_life,
        .times = plan->times,
    };
    put_moves(&b, r, plan);
    put_calls(&b, r, image);
    plan->entry = moved(&b, restorer_run);
    plan->stack_top = b.moves;
    if (mprotect(b.code, CODE_PAGES, PROT_READ | PROT_EXEC) != 0)
        err(EX_OSERR, "cannot make the restorer executable");
}
