/*
 * part_lost.c - the room of what has no room yet: everything that a restart will not bring back, so
 * that nothing is lost in silence.  Given.
 *
 * The note is text, as people see it: one line for each open descriptor above 2, for POSIX timers, for
 * child processes.
 */
#include "part.h"
#include "procfile.h"
#include "sys.h"
#include "text.h"

/* The size of the table of descriptors: "FDSize:" in /proc/self/status, proc_pid_status(5). */
static long descriptor_table_size(void)
{
    char status[4096];
    long size = 0;
    procfile_read("/proc/self/status", status, sizeof status);
    for (const char *at = status; *at != '\0'; at++) {
        if (strncmp(at, "\nFDSize:\t", 9) != 0)
            continue;
        for (at += 9; *at >= '0' && *at <= '9'; at++)
            size = size * 10 + (*at - '0');
        break;
    }
    return size;
}

/* Appends a line about one descriptor, if it is open. */
static size_t describe_descriptor(long number, char *to, size_t room)
{
    char digits[TEXT_NUMBER_SIZE], link[64], target[PATH_MAX];
    const char *name = text_number(digits, (uint64_t)number, 10);
    text_join(link, sizeof link, "/proc/self/fd/", name, NULL);
    long size = sys_call(SYS_readlink, (long)link, (long)target, sizeof target - 1, 0);
    if (size < 0)
        return 0;
    target[size] = '\0';
    return text_join(to, room, "    descriptor ", name, ": ", target, "\n", NULL);
}

static bool is_empty(const char *path)
{
    char some[16];
    return procfile_read(path, some, sizeof some) <= 0;
}

static long save(const struct save_request *request, void *note, size_t room)
{
    char *text = note, path[64], pid[TEXT_NUMBER_SIZE];
    size_t length = 0;
    long descriptors = descriptor_table_size();
    for (long number = 3; number < descriptors; number++)
        length += describe_descriptor(number, text + length, room - length);
    if (!request->periodic && !is_empty("/proc/self/timers")) /* else the timer there is libckpt's own */
        length += text_join(text + length, room - length, "    POSIX timers (timer_create)\n", NULL);
    text_join(path, sizeof path, "/proc/self/task/", text_number(pid, (uint64_t)sys_getpid(), 10), "/children", NULL);
    if (!is_empty(path))
        length += text_join(text + length, room - length, "    child processes\n", NULL);
    return (long)length;
}

static void describe(part_printf print, const void *note, size_t size)
{
    print("  not brought back:\n%.*s", (int)size, (const char *)note);
}

/* No restore: see the name. */
const struct part lost_part = {NOTE_LOST, "lost", 0, save, describe, NULL};
