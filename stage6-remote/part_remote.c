/*
 * part_remote.c - the room of a job whose files are at home: which they are, and how the next life reaches them.
 *
 * The table itself is in the job's memory, and so in the image.  The note tells people, and tells restart --remote
 * where to leave the two descriptors of the next life.
 */
#include "part.h"
#include "remote_life.h"

static long save(const struct save_request *request, void *note, size_t room)
{
    return request->remote_note == NULL ? 0 : request->remote_note(note, room);
}

static void describe(part_printf print, const void *note, size_t size)
{
    const struct image_remote *remote = note;
    print("  a job of ckpt-shadow's: %u files are open at home\n", remote->count);
    for (uint32_t i = 0; i < image_remote_count(remote, size); i++)
        print("  descriptor %d: there %d, %.*s\n", remote->files[i].fd, remote->files[i].real,
              (int)sizeof remote->files[i].path, remote->files[i].path);
}

static long restore(const void *note, size_t size)
{
    const struct image_remote *remote = note;
    *(struct remote_life *)remote->life = remote->now; // NOLINT: an address becomes a pointer here
    return 0;
}

const struct part remote_part = {NOTE_REMOTE, "remote", sizeof(struct image_remote), save, describe, restore};
