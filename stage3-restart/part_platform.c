/*
 * part_platform.c - the room of the machine: which vector registers the program has, and where its signal frame has
 * them.  platform_plan.c compares that with this machine; what it changes is put in place here.  Given.
 */
#include "image_platform.h"
#include "part.h"

#include <sys/utsname.h>

static long save(const struct save_request *request, void *note, size_t room)
{
    struct image_platform *p = note;
    struct utsname name;
    if (request->platform == NULL)
        return 0;
    *p = *request->platform;
    p->context = (uint64_t)request->interrupted;
    arch_vectors_read(&p->vectors);
    if (sys_call(SYS_uname, (long)&name, 0, 0, 0) == 0)
        text_join(p->release, sizeof p->release, name.release, NULL);
    return sizeof *p;
}

static void describe(part_printf print, const void *note, size_t size)
{
    const struct image_platform *p = note;
    print("  Linux %.64s; vector registers: parts 0x%lx; the signal frame is at 0x%lx\n", p->release,
          p->vectors.present, p->context);
}

static long restore(const void *note, size_t size)
{
    const struct platform_now *now = note;
    arch_drop_keys(); /* as platform_start.c did in the first life */
    if (size < sizeof *now || now->change.size == 0)
        return 0;
    memcpy((void *)now->change.at, now->change.bytes, now->change.size); // NOLINT: memory of the program's
    if (now->change.pointer != 0)
        *(uint64_t *)now->change.pointer = now->change.at; // NOLINT
    return 0;
}

const struct part platform_part = {
    NOTE_PLATFORM, "platform", sizeof(struct image_platform), save, describe, restore};
