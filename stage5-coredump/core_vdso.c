/* core_vdso.c - what libckpt.so would have said of the vdso: where it is, and who was inside.  Given. */
#include "core.h"
#include "image_vdso.h"

/*
 * Code without a file that begins like a library: only a vdso does.  There are two in a program that has come from
 * another kernel before, and of the one that was the kernel's the core does not say that it was.
 */
static bool is_vdso(const struct core *core, const struct image_region *region)
{
    char magic[SELFMAG];
    return region != NULL && (region->prot & PROT_EXEC) && !(region->flags & REGION_FILE) &&
           core_read(core, region->start, magic, sizeof magic) && memcmp(magic, ELFMAG, SELFMAG) == 0;
}

void core_vdso(const struct core *core, struct image *image)
{
    static struct image_vdso note;
    const struct image_region *region = image_region_at(image, core_aux(core, AT_SYSINFO_EHDR));
    if (region == NULL)
        return;
    note = (struct image_vdso){
        .start = region->start, .size = region->end - region->start, .kernel = region->start};
    if (is_vdso(core, image_region_at(image, arch_core_code(&core->registers))))
        note.flags = VDSO_INSIDE;
    image_put_note(image, NOTE_VDSO, &note, sizeof note);
}
