/*
 * kind_epoll.c - sets of descriptors to wait for (epoll(7)), one set in another, too.
 *
 * An entry is known to the kernel by a descriptor's number and by what it showed when it was added.  If the number
 * was closed since, or shows something else, a duplicate keeps the entry alive; but by number it cannot be
 * added again.  Such an entry is lost, and named.
 */
#include "open_kind.h"

#include <sys/epoll.h>

struct entry {
    int32_t fd;
    uint32_t events;
    uint64_t data;
    uint64_t stale; /* its number shows another file, or none */
};

static bool is_epoll(const struct fd_view *view)
{
    return text_is(view->link, "anon_inode:[eventpoll]");
}

/* fdinfo shows the inode, but eventfds and their like all have the same one.  Adding it again tells the rest. */
static bool is_stale(int epoll, const char *line, struct entry *entry)
{
    struct stat now;
    struct epoll_event event = {.events = 0};
    if (sys_call(SYS_fstat, entry->fd, (long)&now, 0, 0) != 0 || now.st_ino != fdinfo_in_line(line, "ino:", 16))
        return true;
    long error = sys_call(SYS_epoll_ctl, epoll, EPOLL_CTL_ADD, entry->fd, (long)&event);
    if (error == 0)
        sys_call(SYS_epoll_ctl, epoll, EPOLL_CTL_DEL, entry->fd, (long)&event);
    return error != -EEXIST;
}

/* A line: "tfd:        5 events:       19 data:         12345678  pos:0 ino:61 sdev:5" */
static long save_epoll(struct files_save *save, struct open_file *file)
{
    const char *info = save->view->info;
    if (strlen(info) == sizeof save->view->info - 1)
        return -E2BIG; /* there is more */
    for (const char *at = fdinfo_find(info, "tfd:"); at != NULL; at = fdinfo_next(at, "tfd:")) {
        uint64_t place;
        struct entry *entry = extra_add(save, sizeof *entry, &place);
        if (entry == NULL)
            return -E2BIG;
        *entry = (struct entry){(int32_t)fdinfo_in_line(at, "", 10), (uint32_t)fdinfo_in_line(at, "events:", 16),
                                fdinfo_in_line(at, "data:", 16), 0};
        entry->stale = is_stale(file->fd, at, entry);
        if (file->data_size == 0)
            file->data = place;
        file->data_size += sizeof *entry;
    }
    return 0;
}

static long open_epoll(const struct open_file_table *table, const struct open_file *file)
{
    long fd = sys_call(SYS_epoll_create1, EPOLL_CLOEXEC, 0, 0, 0);
    if (fd >= 0)
        sys_call(SYS_fcntl, fd, F_SETFL, file->flags, 0);
    return fd;
}

bool kind_epoll_loses(const struct open_file_table *table, const struct open_file *file)
{
    const char *data = open_data(table, file);
    for (uint64_t at = 0; at + sizeof(struct entry) <= file->data_size; at += sizeof(struct entry)) {
        struct entry entry;
        memcpy(&entry, data + at, sizeof entry);
        const struct open_file *target = open_entry(table, entry.fd);
        if (entry.stale || target == NULL || open_entry(table, target->dup_of)->kind == OPEN_LOST)
            return true;
    }
    return false;
}

long kind_epoll_finish(const struct open_file_table *table, const struct open_file *file)
{
    const char *data = open_data(table, file);
    for (uint64_t at = 0; at + sizeof(struct entry) <= file->data_size; at += sizeof(struct entry)) {
        struct entry entry;
        memcpy(&entry, data + at, sizeof entry);
        struct epoll_event event = {.events = entry.events, .data.u64 = entry.data};
        if (entry.stale || sys_call(SYS_epoll_ctl, file->fd, EPOLL_CTL_ADD, entry.fd, (long)&event) != 0)
            say("restart: descriptor ", text_number((uint64_t)file->fd, 10).digits, ", epoll: its entry for ",
                text_number((uint32_t)entry.fd, 10).digits, " (data 0x", text_number(entry.data, 16).digits,
                ") is lost: ", entry.stale ? "that number was closed, or shows another file" :
                "nothing that can be waited for is open there now", NULL);
    }
    return 0;
}

const struct open_kind kind_epoll = {"epoll", is_epoll, save_epoll, open_epoll, NULL};
