/* part_remote.c - the room of a job whose files are open at home: NOTE_REMOTE, remote_life.h. */
#include "part.h"
#include "remote_life.h"

static long save(const struct save_request *request, void *note, size_t room)
{
    return 0;
}

static void describe(part_printf print, const void *note, size_t size)
{
    const struct image_remote *remote = note;
    print("  a job of ckpt-shadow's; %u files are open at home\n", remote->count);
}

/* remote_plan.c has seen that there is room for it in the program's memory. */
static long restore(const void *note, size_t size)
{
    const struct image_remote *remote = note;
    if (remote->life != 0)
        *(struct remote_life *)remote->life = remote->now; // NOLINT: an address becomes a pointer here
    return 0;
}

const struct part remote_part = {NOTE_REMOTE, "remote", sizeof(struct image_remote), save, describe, restore};
