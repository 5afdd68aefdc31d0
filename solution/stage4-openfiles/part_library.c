/* part_library.c - the room of libckpt.so itself: image_library.h.  Given. */
#include "image_library.h"
#include "part.h"

static long save(const struct save_request *request, void *note, size_t room)
{
    struct image_library *library = note;
    library->name_address = (uint64_t)request->image_name;
    library->wish_address = (uint64_t)request->wish;
    library->signal = (uint32_t)request->signal;
    text_join(library->name, sizeof library->name, request->image_name, NULL);
    text_join(library->wish, sizeof library->wish, request->wish, NULL);
    return sizeof *library;
}

static void describe(part_printf print, const void *note, size_t size)
{
    const struct image_library *library = note;
    print("  checkpoint signal %u, the image's name %.4095s%s%.4095s\n", library->signal, library->name,
          library->wish[0] != '\0' ? "; ckpt --evict: " : "", library->wish);
}

static long restore(const void *note, size_t size)
{
    const struct image_library *library = note;
    if (!library->changed)
        return 0;
    text_join((char *)library->name_address, PATH_MAX, library->name, NULL);  // NOLINT: memory of the program's
    text_join((char *)library->wish_address, WISH_SIZE, library->wish, NULL); // NOLINT
    return 0;
}

const struct part library_part = {
    NOTE_LIBRARY, "library", sizeof(struct image_library), save, describe, restore};
