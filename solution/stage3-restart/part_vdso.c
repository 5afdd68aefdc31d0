/* part_vdso.c - the room of the vdso: image_vdso.h.  Given. */
#include "image_vdso.h"
#include "part.h"

static long save(const struct save_request *request, void *note, size_t room)
{
    if (request->vdso == NULL)
        return 0;
    memcpy(note, request->vdso, sizeof *request->vdso);
    return sizeof *request->vdso;
}

static void describe(part_printf print, const void *note, size_t size)
{
    const struct image_vdso *v = note;
    print("  %lu bytes at 0x%lx", v->size, v->start);
    if (v->kernel != v->start)
        print(": a bridge to this kernel's, which is at 0x%lx", v->kernel);
    if (v->flags != 0)
        print("; %s: no restart under another kernel",
              v->flags & VDSO_INSIDE ? "the program was inside it" : "a handler will return into it");
    print("\n");
}

/* All regions are in place, and so is the kernel's own vdso, elsewhere. */
static long restore(const void *note, size_t size)
{
    const struct image_vdso *v = note;
    if (v->code_size == 0 || v->code_size != size - sizeof *v)
        return 0;
    long error = sys_mprotect(v->start, v->code_size, PROT_READ | PROT_WRITE);
    if (error != 0)
        return error;
    memcpy((void *)v->start, v->code, v->code_size); // NOLINT: an address becomes a pointer here
    arch_code_written(v->start, v->code_size);
    return sys_mprotect(v->start, v->code_size, PROT_READ | PROT_EXEC);
}

const struct part vdso_part = {NOTE_VDSO, "vdso", sizeof(struct image_vdso), save, describe, restore};
