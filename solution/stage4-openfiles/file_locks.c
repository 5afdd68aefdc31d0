/*
 * file_locks.c - locks on open files, as /proc/PID/fdinfo/N shows them (proc_locks(5)):
 *
 *     lock:   1: POSIX  ADVISORY  WRITE 4711 fe:00:123456 100 199
 *     lock:   2: FLOCK  ADVISORY  READ 4711 fe:00:123456 0 EOF
 *
 * A POSIX lock belongs to the process, so each descriptor of the file shows it; it is noted with those that may
 * take it again, and to take a lock twice does no harm.
 */
#include "open_kind.h"

#include <sys/file.h>

/* Puts the number behind "N: TYPE  ADVISORY  " and so on; false: a lock of a kind that we do not take (a lease). */
static bool parse(const char *line, struct file_lock *lock)
{
    text_parse(&line, 10);
    line += *line == ':';
    while (*line == ' ')
        line++;
    bool known = text_starts(line, "FLOCK") || text_starts(line, "POSIX") || text_starts(line, "OFDLCK");
    lock->type = text_starts(line, "FLOCK") ? LOCK_FLOCK : text_starts(line, "POSIX") ? LOCK_POSIX : LOCK_OFD;
    for (int word = 0; word < 5 && *line != '\n' && *line != '\0'; line++) { /* to "start end", the sixth */
        if (word == 1 && text_starts(line, " WRITE"))
            lock->exclusive = 1;
        word += *line == ' ' && line[1] != ' ';
    }
    lock->start = text_parse(&line, 10);
    lock->end = text_starts(line, " EOF") ? LOCK_TO_END : text_parse(&line, 10);
    return known;
}

/* May this descriptor take such a lock?  fcntl(2): to lock for reading it must read, for writing write. */
static bool may_take(const struct open_file *file, const struct file_lock *lock)
{
    uint32_t mode = file->flags & O_ACCMODE;
    return lock->type == LOCK_FLOCK || mode == O_RDWR || mode == (lock->exclusive ? O_WRONLY : O_RDONLY);
}

long file_locks_save(struct files_save *save, struct open_file *file)
{
    const char *info = save->view->info;
    for (const char *at = fdinfo_find(info, "lock:"); at != NULL; at = fdinfo_next(at, "lock:")) {
        uint64_t place;
        struct file_lock lock = {0}, *to;
        if (!parse(at, &lock) || !may_take(file, &lock))
            continue;
        if ((to = extra_add(save, sizeof lock, &place)) == NULL)
            return -E2BIG;
        *to = lock;
        if (file->lock_count++ == 0)
            file->locks = place;
    }
    return strlen(info) == sizeof save->view->info - 1 ? -E2BIG : 0; /* there is more */
}

static long take(int fd, const struct file_lock *lock)
{
    struct flock range = {.l_type = lock->exclusive ? F_WRLCK : F_RDLCK, .l_whence = SEEK_SET,
                          .l_start = (off_t)lock->start};
    range.l_len = lock->end == LOCK_TO_END ? 0 : (off_t)(lock->end - lock->start + 1);
    if (lock->type == LOCK_FLOCK)
        return sys_call(SYS_flock, fd, (lock->exclusive ? LOCK_EX : LOCK_SH) | LOCK_NB, 0, 0);
    return sys_call(SYS_fcntl, fd, lock->type == LOCK_OFD ? F_OFD_SETLK : F_SETLK, (long)&range, 0);
}

void file_locks_finish(const struct open_file_table *table, const struct open_file *file)
{
    for (uint64_t i = 0; i < file->lock_count; i++) {
        struct file_lock lock;
        memcpy(&lock, open_extra(table) + file->locks + i * sizeof lock, sizeof lock);
        long error = take(file->fd, &lock);
        if (error != 0)
            say("restart: descriptor ", text_number((uint64_t)file->fd, 10).digits, ", ", open_path(table, file),
                ": a lock on it is lost: ", error == -EAGAIN || error == -EACCES ? "somebody else has it now" :
                "it cannot be taken again", NULL);
    }
}
