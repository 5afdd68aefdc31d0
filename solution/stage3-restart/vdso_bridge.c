/*
 * vdso_bridge.c - a bridge from the vdso that the program knows to that of another kernel.  Given.
 *
 * libc asked its vdso once where its functions are, and will call them there.  So its bytes stay where they were,
 * as ordinary memory; each function begins with a jump to the function of the same name in this kernel's vdso, or
 * with a system call if that has none.  The rest of the old code is never run: it would look for the old kernel's
 * [vvar].
 *
 *     the image's    ...[program]....[libc]...[stack]..[vvar][vdso].............
 *                                                             time: cmp ...
 *     this life's    ...[program]....[libc]...[stack]........|    |..[vvar][vdso]
 *                                       |                     time: jmp ----^
 *                                       +---------------------^
 *
 * The table of names in the old bytes stays whole: AT_SYSINFO_EHDR leads there, for the program and for
 * gdb.  Under a third kernel, or back under the first, the same bytes get other jumps: there is never a second
 * bridge.
 */
#include "vdso_bridge.h"
#include "arch_vdso.h"
#include "image_vdso.h"
#include "vdso_elf.h"

#define REFUSED "the image has another kernel's [vdso], and "
#define SAME "; a restart needs the same kernel"

/* Under construction: the note, whose code is the image's vdso. */
static union {
    struct image_vdso vdso;
    char bytes[sizeof(struct image_vdso) + VDSO_LARGEST];
} bridge;

/* What the image says about its vdso, if that can be left behind. */
static const struct image_vdso *read_note(const struct image *image)
{
    const struct image_vdso *note = image_note(image, IMAGE_NOTE_NAME, NOTE_VDSO, sizeof *note, NULL);
    if (note == NULL)
        errx(EX_DATAERR, REFUSED "does not say whether the program was inside it (an older libckpt.so)" SAME);
    if (note->flags & VDSO_INSIDE)
        errx(EX_DATAERR, REFUSED "the program was inside it when it was saved" SAME);
    if (note->flags & VDSO_BELOW)
        errx(EX_DATAERR, REFUSED "a signal's handler was running that will return into it" SAME);
    return note;
}

/* The region with the program's vdso, or with a bridge from an earlier life; its bytes go into the bridge. */
static struct image_region *read_code(struct image *image, uint64_t start)
{
    size_t i = 0;
    while (i < image->region_count && image->regions[i].start != start)
        i++;
    const Elf64_Phdr *load = &image->loads[i];
    if (i == image->region_count || load->p_filesz == 0 || load->p_filesz > VDSO_LARGEST ||
        (image->regions[i].flags & (REGION_SHARED | REGION_FILE | REGION_GROWS_DOWN)))
        errx(EX_DATAERR, REFUSED "its bytes are not where the program was told that they are (0x%lx)", start);
    if (!image_pread(image, bridge.vdso.code, load->p_filesz, load->p_offset))
        errx(EX_DATAERR, "the bytes of the image's [vdso] cannot be read");
    bridge.vdso.code_size = (uint32_t)load->p_filesz;
    return &image->regions[i];
}

/*
 * The highest gap of the image's address space: where the kernel itself puts such things, and nothing grows
 * to.  None that is right below a stack.  0: there is none.
 */
static uint64_t find_place(const struct image *image, uint64_t size)
{
    uint64_t end = ARCH_USER_END;
    bool grows_down = false;
    for (size_t i = image->region_count; i-- > 0;) {
        const struct image_region *r = &image->regions[i];
        if (!grows_down && end - r->end >= size)
            return end - size;
        end = r->start;
        grows_down = r->flags & REGION_GROWS_DOWN;
    }
    return 0;
}

/* This kernel's mappings keep their distances: the vdso's code knows how far its data is.  Returns [vdso]. */
static const struct kernel_move *move_own(struct own_maps *own, const struct image *image)
{
    const struct kernel_move *vdso = NULL;
    struct kernel_move *last = own->moves + own->move_count;
    if (own->move_count == 0)
        return NULL;
    uint64_t first = own->moves->from, size = last[-1].from + last[-1].size - first;
    uint64_t place = find_place(image, size);
    if (place == 0)
        errx(EX_DATAERR, REFUSED "has no place for this kernel's: no gap of %luK", size / 1024);
    for (struct kernel_move *move = own->moves; move < last; move++) {
        move->to = place + (move->from - first);
        if (strcmp(move->name, "[vdso]") == 0)
            vdso = move;
    }
    return vdso;
}

/* The beginning of one function of the image's vdso: a jump, or a system call.  True: a jump. */
static bool build_function(const struct vdso_function *function, struct vdso *own, uint64_t own_place)
{
    uint8_t code[ARCH_VDSO_CODE];
    uint64_t offset = own->size == 0 ? 0 : vdso_find(own, function->name);
    uint64_t here = offset == 0 ? 0 : own_place + offset;
    size_t size = arch_vdso_bridge(code, vdso_plain_name(function->name), here);
    if (size == 0)
        errx(EX_DATAERR, REFUSED "this kernel has no %s()", function->name);
    if (size > function->size)
        errx(EX_DATAERR, REFUSED "that is damaged: %s() has no room for a jump", function->name);
    memcpy(bridge.vdso.code + function->offset, code, size);
    return arch_vdso_is_jump(code);
}

/* Where this function begins no other may have begun: the bytes would be those of two. */
static bool is_alone(struct vdso *old, const struct vdso_function *function)
{
    struct vdso_function other;
    uint64_t at = 0;
    bool alone = true;
    while (vdso_next(old, &at, &other))
        alone &= other.offset <= function->offset || other.offset >= function->offset + function->size;
    return alone;
}

static void build(const struct restart_plan *plan, const struct kernel_move *move)
{
    static uint8_t bytes[VDSO_LARGEST]; /* as they were: names are read in them while functions are written */
    struct vdso own = {0}, old;
    struct vdso_function function;
    uint64_t at = 0;
    unsigned count = 0, jumps = 0;
    memcpy(bytes, bridge.vdso.code, bridge.vdso.code_size);
    if (move != NULL && !vdso_open(&own, (const void *)move->from, move->size)) // NOLINT: an address
        own.size = 0; /* then all are system calls */
    if (vdso_open(&old, bytes, bridge.vdso.code_size))
        for (; vdso_next(&old, &at, &function); count++) {
            jumps += build_function(&function, &own, move == NULL ? 0 : move->to);
            if (!is_alone(&old, &function))
                errx(EX_DATAERR, REFUSED "that is damaged: %s() overlaps another", function.name);
        }
    if (old.why != NULL)
        errx(EX_DATAERR, REFUSED "that is damaged: %s", old.why);
    if (count == 0)
        errx(EX_DATAERR, REFUSED "that is damaged: it has no functions");
    if (plan->verbose)
        fprintf(stderr, "restart: another kernel's vdso at 0x%lx: %u of its functions jump to this kernel's, %u "
                "are system calls now\n", bridge.vdso.start, jumps, count - jumps);
}

void vdso_bridge(struct restart_plan *plan)
{
    const struct image_vdso *note = read_note(&plan->image);
    struct image_region *region = read_code(&plan->image, note->start);
    const struct kernel_move *move = move_own(&plan->own, &plan->image);
    bridge.vdso.start = note->start;
    bridge.vdso.size = bridge.vdso.code_size;
    bridge.vdso.kernel = move == NULL ? 0 : move->to;
    build(plan, move);
    region->flags &= ~(uint32_t)REGION_KERNEL;
    image_put_note(&plan->image, NOTE_VDSO, &bridge, sizeof bridge.vdso + bridge.vdso.code_size);
}
