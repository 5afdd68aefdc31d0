/*
 * part_lost.c - the room of what has no room yet: everything that a restart will not bring back, so
 * that nothing is lost in silence.  Given.
 *
 * The note is text: one line for each open descriptor above 2, POSIX timer and child process.
 */
#include "part.h"
#include "sys.h"

#include <errno.h>
#include <limits.h>
#include <string.h>

/* A note that is being written: lines go behind each other. */
struct lines {
    char *text;
    size_t length, room;
};

static void add_line(struct lines *lines, struct out *line)
{
    const char *text = out_text(line);
    size_t size = strlen(text);
    if (size <= lines->room - lines->length)
        memcpy(lines->text + lines->length, text, size);
    else
        size = 0;
    lines->length += size;
}

static void add_descriptor(struct lines *lines, const char *number)
{
    char link[64], target[PATH_MAX];
    struct out o;
    out_init(&o, -1);
    out_printf(&o, "/proc/self/fd/%s", number);
    memcpy(link, out_text(&o), o.length + 1);
    long size = sys_call(SYS_readlink, (long)link, (long)target, sizeof target - 1, 0);
    if (size < 0)
        return;
    target[size] = '\0';
    /* These two are our own: we look through them. */
    if (strncmp(target, "/proc/", 6) == 0 && (strcmp(target + size - 3, "/fd") == 0 || strcmp(target + size - 8, "/pagemap") == 0))
        return;
    out_init(&o, -1);
    out_printf(&o, "descriptor %s: %s\n", number, target);
    add_line(lines, &o);
}

static long add_descriptors(struct lines *lines)
{
    char entries[1024];
    long size, fd = sys_open("/proc/self/fd", O_RDONLY | O_DIRECTORY | O_CLOEXEC, 0);
    if (fd < 0)
        return fd;
    while ((size = sys_call(SYS_getdents64, (int)fd, (long)entries, sizeof entries, 0)) > 0) {
        for (long at = 0; at < size;) { /* struct linux_dirent64: see getdents64(2) */
            uint16_t length;
            const char *name = entries + at + 19;
            memcpy(&length, entries + at + 16, sizeof length);
            bool standard = name[1] == '\0' && name[0] >= '0' && name[0] <= '2';
            if (name[0] != '.' && !standard)
                add_descriptor(lines, name);
            at += length;
        }
    }
    sys_close((int)fd);
    return size;
}

/* A file of /proc that is empty, unless there is something to lose. */
static void add_if_any(struct lines *lines, const char *path, const char *what)
{
    char byte;
    struct out o;
    long fd = sys_open(path, O_RDONLY | O_CLOEXEC, 0);
    if (fd < 0)
        return;
    if (sys_read((int)fd, &byte, 1) == 1) {
        out_init(&o, -1);
        out_printf(&o, "%s\n", what);
        add_line(lines, &o);
    }
    sys_close((int)fd);
}

static long save(const struct save_request *request, void *note, size_t room)
{
    struct lines lines = {.text = note, .room = room};
    struct out children;
    long error = add_descriptors(&lines);
    if (error < 0)
        return error;
    if (!request->periodic) /* else the timer in that list is ours */
        add_if_any(&lines, "/proc/self/timers", "POSIX timers (timer_create)");
    out_init(&children, -1);
    out_printf(&children, "/proc/self/task/%ld/children", sys_getpid());
    add_if_any(&lines, out_text(&children), "child processes");
    return (long)lines.length;
}

static void describe(struct out *o, const void *note, size_t size)
{
    const char *text = note;
    bool line_start = true;
    for (size_t i = 0; i < size; i++) {
        out_printf(o, "%s%c", line_start ? "  not brought back: " : "", text[i]);
        line_start = text[i] == '\n';
    }
}

/* No restore: see the name. */
const struct part lost_part = {
    .type = NOTE_LOST,
    .name = "lost",
    .min_size = 0,
    .save = save,
    .describe = describe,
};
