/*
 * part_lost.c - the room of what has no room yet: everything that a restart will not bring back, so
 * that nothing is lost in silence.  Given.
 *
 * The note is text, as people see it: one line for each open descriptor above 2, for POSIX timers, for
 * child processes.
 */
#include "part.h"

#include <dirent.h>

/* Appends a line about a descriptor, straight into the note: a path is too large for a small stack. */
static size_t describe_descriptor(const char *number, char *to, size_t room)
{
    char link[64];
    text_join(link, sizeof link, "/proc/self/fd/", number, NULL);
    size_t length = text_join(to, room, "    descriptor ", number, ": ", NULL);
    long size = sys_readlink(link, to + length, room - length - 2);
    if (size <= 0)
        return 0;
    to[length + (size_t)size] = '\n';
    return length + (size_t)size + 1;
}

static size_t describe_descriptors(char *to, size_t room)
{
    char entries[512];
    size_t length = 0;
    long size, fd = sys_open("/proc/self/fd", O_RDONLY | O_DIRECTORY | O_CLOEXEC, 0);
    struct number own = text_number((uint64_t)fd, 10); /* it will be closed below */
    while ((size = sys_call(SYS_getdents64, fd, (long)entries, sizeof entries, 0)) > 0)
        for (long at = 0; at < size; at += ((const struct dirent64 *)(entries + at))->d_reclen) {
            const char *name = ((const struct dirent64 *)(entries + at))->d_name;
            bool from_restart = name[0] < '3' && name[1] == '\0'; /* 0, 1, 2; and "." */
            if (!from_restart && strncmp(name, own.digits, sizeof own.digits) != 0)
                length += describe_descriptor(name, to + length, room - length);
        }
    sys_close((int)fd);
    return length;
}

static long save(const struct save_request *request, void *note, size_t room)
{
    size_t length = describe_descriptors(note, room);
    char *text = note, some[256];
    /* With CKPT_INTERVAL the first timer there, of less than 100 bytes, is libckpt's own. */
    if (procfile_read("/proc/self/timers", some, sizeof some) > (request->periodic ? 100 : 0))
        length += text_join(text + length, room - length, "    POSIX timers (timer_create)\n", NULL);
    if (procfile_read("/proc/thread-self/children", some, sizeof some) > 0)
        length += text_join(text + length, room - length, "    child processes\n", NULL);
    return (long)length;
}

static void describe(part_printf print, const void *note, size_t size)
{
    print("  not brought back:\n%.*s", (int)size, (const char *)note);
}

/* No restore: see the name. */
const struct part lost_part = {NOTE_LOST, "lost", 0, save, describe, NULL};
