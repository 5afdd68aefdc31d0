/*
 * frame_convert_x86_64.c - a signal frame of one processor becomes that of another: arch_platform.h has the
 * picture.
 *
 * The kernel loads all of the area only if it is as large as its own, and both marks are in place (Linux,
 * arch/x86/kernel/fpu/signal.c, check_xstate_in_sigframe()).  Else it loads x87 and SSE, gives all other parts
 * their first value, and says nothing: so a larger area lost the upper halves of ymm.  And it loads the parts from
 * where this processor has them.  So the area is made anew here, part by part.  Given.
 */
#include "arch_platform.h"
#include "image_read.h"
#include "own_frame.h"

#define HEADER_END 576
#define AVX_PART 2
#define PKRU_PART 9
#define PKRU_DEFAULT 0x55555554U /* every program's at its start: memory that has no key is open, all else closed */
#define FPREGS_IN_CONTEXT offsetof(ucontext_t, uc_mcontext.fpregs)

/* The beginning of an area. */
struct area_head {
    uint32_t fpu[6], mxcsr, mxcsr_mask;
    char registers[ARCH_AREA_MARK - 32];
    struct _fpx_sw_bytes mark;
    uint64_t used, compacted, reserved[6];
};
_Static_assert(sizeof(struct area_head) == HEADER_END, "the header's place is given");

struct area {
    char *bytes;
    size_t size; /* without the mark behind it */
    uint64_t features;
    struct arch_vectors vectors;
};

static struct arch_frame_format format;
static uint32_t own_mxcsr_mask;

static void own_frame_look(const ucontext_t *context)
{
    const struct area_head *head = (const void *)context->uc_mcontext.fpregs;
    format = (struct arch_frame_format){.size = 0, .features = 3};
    if (head->mark.magic1 == FP_XSTATE_MAGIC1)
        format = (struct arch_frame_format){head->mark.xstate_size, head->mark.xstate_bv};
    own_mxcsr_mask = head->mxcsr_mask != 0 ? head->mxcsr_mask : 0xffbf; /* Intel's manual, 11.6.6 */
}

struct arch_frame_format arch_frame_format(void)
{
    own_frame_take();
    return format;
}

/* What is in the image's memory at an address of the program's. */
static bool peek(const struct image *image, uint64_t address, void *to, size_t size)
{
    const struct image_region *r = image_region_at(image, address);
    if (r == NULL || !(r->flags & REGION_STORED) || size > r->end - address)
        return false;
    uint64_t offset = image->loads[r - image->regions].p_offset + (address - r->start);
    if (r->flags & REGION_HERE)
        return memcpy(to, (const void *)address, size) != NULL; // NOLINT: an address becomes a pointer here
    return pread(image->fd, to, size, (off_t)offset) == (ssize_t)size;
}

/* People know registers by the name of the family, and manuals by that of the part. */
static const char *part_name(unsigned i)
{
    static const char *const names[] = {
        [2] = "AVX registers are in use (YMM_Hi128)", [3] = "MPX registers are in use (BNDREGS)",
        [4] = "MPX registers are in use (BNDCSR)", [5] = "AVX-512 registers are in use (opmask)",
        [6] = "AVX-512 registers are in use (ZMM_Hi256)", [7] = "AVX-512 registers are in use (Hi16_ZMM)",
        [9] = "protection keys are in use (PKRU)", [17] = "AMX registers are in use (XTILECFG)",
        [18] = "AMX registers are in use (XTILEDATA)", [19] = "APX registers are in use (EGPR)",
    };
    return i < sizeof names / sizeof *names && names[i] != NULL ? names[i] : "unknown registers are in use";
}

/* True if the part can be left out although it is said to be in use: zeros, as at first, or the usual keys. */
static bool is_harmless(unsigned part, const char *bytes, size_t size)
{
    uint32_t keys;
    size_t zeros = 0;
    while (zeros < size && bytes[zeros] == 0)
        zeros++;
    memcpy(&keys, bytes, sizeof keys);
    return zeros == size || (part == PKRU_PART && keys == PKRU_DEFAULT);
}

static void convert_part(struct area *to, const struct area *from, unsigned i)
{
    const struct arch_part *there = &from->vectors.parts[i], *here = &to->vectors.parts[i];
    if (there->size == 0)
        errx(EX_DATAERR, "%s, and the image does not say where they lie", part_name(i));
    if (there->offset < HEADER_END || there->offset > from->size || there->size > from->size - there->offset)
        errx(EX_DATAERR, "the image is broken: %s, and lie outside of the signal frame", part_name(i));
    if (!(to->vectors.present & (1UL << i)) && is_harmless(i, from->bytes + there->offset, there->size))
        return;
    if (!(to->vectors.present & (1UL << i)))
        errx(EX_DATAERR, "%s, this processor has none", part_name(i));
    if (!(to->features & (1UL << i)) || here->size != there->size)
        errx(EX_DATAERR, "%s, and this kernel has no room for them in a signal frame", part_name(i));
    memcpy(to->bytes + here->offset, from->bytes + there->offset, here->size);
    ((struct area_head *)to->bytes)->used |= 1UL << i;
}

static void convert(struct area *to, const struct area *from)
{
    const struct area_head *there = (const struct area_head *)from->bytes;
    struct area_head *here = (struct area_head *)to->bytes;
    uint32_t lacking = there->mxcsr & ~own_mxcsr_mask;
    if (lacking != 0)
        errx(EX_DATAERR, "bits of MXCSR are set that this processor has not (0x%x)", lacking);
    memcpy(here, there, ARCH_AREA_MARK);
    here->mxcsr_mask = own_mxcsr_mask;
    here->used = from->size == ARCH_AREA_LEGACY ? 3 : there->used & 3;
    for (unsigned i = 2; i < 64 && from->size != ARCH_AREA_LEGACY; i++)
        if ((there->used & (1UL << i)) && i >= ARCH_PARTS)
            errx(EX_DATAERR, "%s (part %u), this processor has none", part_name(i), i);
        else if (there->used & (1UL << i))
            convert_part(to, from, i);
    if (to->size == ARCH_AREA_LEGACY)
        return;
    /* A part that the other processor had not is not in the mark: the kernel gives it its first value. */
    here->mark = (struct _fpx_sw_bytes){
        .magic1 = FP_XSTATE_MAGIC1, .extended_size = (uint32_t)to->size + FP_XSTATE_MAGIC2_SIZE,
        .xstate_bv = to->features & from->features, .xstate_size = (uint32_t)to->size};
    memcpy(to->bytes + to->size, &(uint32_t){FP_XSTATE_MAGIC2}, FP_XSTATE_MAGIC2_SIZE);
}

/* What the processor refuses, wherever it comes from. */
static bool is_header_fine(const struct area *area)
{
    const struct area_head *head = (const struct area_head *)area->bytes;
    uint64_t reserved = 0;
    for (size_t i = 0; i < sizeof head->reserved / sizeof *head->reserved; i++)
        reserved |= head->reserved[i];
    return head->compacted == 0 && reserved == 0 && (head->used & ~area->features) == 0;
}

/* Reads the area of the image.  False: there is none that could be returned from. */
static bool read_area(struct area *area, const struct image *image, uint64_t at, const struct arch_vectors *then)
{
    struct area_head *head = (struct area_head *)area->bytes;
    uint32_t end = 0;
    area->size = ARCH_AREA_LEGACY;
    area->features = 3;
    if (at % 16 != 0 || !peek(image, at, head, ARCH_AREA_LEGACY))
        return false;
    if (head->mark.magic1 != FP_XSTATE_MAGIC1)
        return then != NULL && then->present == 3;
    if (head->mark.xstate_size == ARCH_AREA_LEGACY) /* a processor without XSAVE */
        return true;
    area->size = head->mark.xstate_size;
    area->features = head->mark.xstate_bv;
    return area->size >= HEADER_END && area->size <= ARCH_FRAME_ROOM - sizeof end &&
           peek(image, at, head, area->size) && peek(image, at + area->size, &end, sizeof end) &&
           end == FP_XSTATE_MAGIC2 && is_header_fine(area);
}

/* An image that does not say where the parts lie: the place of AVX is the same on all processors. */
static void guess_vectors(struct area *from, const struct area *own)
{
    if (from->size == own->size && from->features == own->features)
        from->vectors = own->vectors;
    from->vectors.present = from->features;
    from->vectors.parts[AVX_PART] = (struct arch_part){.offset = HEADER_END, .size = 256};
}

static bool is_as_here(const struct area *from, const struct area *own)
{
    return from->size == own->size && from->features == own->features &&
           memcmp(from->vectors.parts, own->vectors.parts, sizeof own->vectors.parts) == 0;
}

static void check_writable(const struct image *image, uint64_t at, size_t size)
{
    const struct image_region *r = image_region_at(image, at);
    if (r == NULL || !(r->prot & PROT_WRITE) || size > r->end - at)
        errx(EX_DATAERR, "the image's signal frame lies in no region for it");
}

void arch_frame_convert(struct arch_frame_change *change, const struct image *image, uint64_t context,
                        const struct arch_vectors *then, uint64_t room)
{
    static char bytes[ARCH_FRAME_ROOM] __attribute__((aligned(64)));
    struct area from = {.bytes = bytes}, own = {.bytes = change->bytes};
    struct arch_frame_format here = arch_frame_format();
    uint64_t at = 0;
    own.size = here.size != 0 ? here.size : ARCH_AREA_LEGACY;
    own.features = here.features;
    arch_vectors_read(&own.vectors);
    if (own.size > sizeof change->bytes - FP_XSTATE_MAGIC2_SIZE)
        errx(EX_OSERR, "the vector registers of this processor take %zu bytes", own.size);
    if (!peek(image, context + FPREGS_IN_CONTEXT, &at, sizeof at) || !read_area(&from, image, at, then)) {
        if (then != NULL)
            errx(EX_DATAERR, "the image is broken: its signal frame is not where it says, or not whole");
        return; /* an older image: so be it */
    }
    if (then != NULL)
        from.vectors = *then;
    else
        guess_vectors(&from, &own);
    if (is_as_here(&from, &own))
        return;
    convert(&own, &from);
    change->size = own.size + (own.size != ARCH_AREA_LEGACY ? FP_XSTATE_MAGIC2_SIZE : 0);
    change->at = room != 0 ? room : at;
    change->pointer = context + FPREGS_IN_CONTEXT;
    if (room == 0 && own.size > from.size)
        errx(EX_DATAERR, "an older image, whose signal frame has no room for this processor's vector registers");
    check_writable(image, change->at, change->size);
    check_writable(image, change->pointer, sizeof change->at);
    if (change->at % 64 != 0)
        errx(EX_DATAERR, "the image's room for vector registers is at an impossible place");
}
