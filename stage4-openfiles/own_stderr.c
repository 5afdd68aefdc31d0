/*
 * own_stderr.c - say() for libckpt.so and libsavefds.so, which live in somebody else's program.  Given.
 *
 * Descriptor 2 is the program's: after close(2) the next file that it opens is number 2, and that may be its
 * database. So a message goes only to the file that was the standard error when the library came.  And it does the
 * program no harm: no signal comes of it, and without -v it is not waited for longer than a second.
 */
#include "own_stderr.h"
#include "library.h"
#include "sys.h"
#include "text.h"

#include <poll.h>

#define BIT(signal) (1UL << ((signal)-1))
#define SET_SIZE 8 /* bytes of the kernel's sigset_t */

static bool patient;
static struct standard {
    bool known;
    dev_t device;
    ino_t inode;
} standard[3];

void own_stderr_note(bool waits)
{
    struct stat now;
    patient = waits;
    for (int fd = 0; fd < 3; fd++) {
        bool open = sys_call(SYS_fstat, fd, (long)&now, 0, 0) == 0;
        standard[fd] = open ? (struct standard){true, now.st_dev, now.st_ino} : (struct standard){0};
    }
}

static bool shows(int fd, const struct standard *file)
{
    struct stat now;
    return file->known && sys_call(SYS_fstat, fd, (long)&now, 0, 0) == 0 && now.st_dev == file->device &&
           now.st_ino == file->inode;
}

bool own_stderr_there(void)
{
    return shows(2, &standard[2]);
}

bool own_stderr_is_standard(int fd)
{
    return shows(fd, &standard[0]) || shows(fd, &standard[1]) || shows(fd, &standard[2]);
}

void own_stderr_new_life(const bool there[3])
{
    own_stderr_note(patient);
    for (int fd = 0; fd < 3; fd++)
        standard[fd].known &= there[fd];
}

/* Does somebody read, and is there room?  A terminal that is stopped (^S) and a full pipe have none. */
static bool can_take(void)
{
    struct pollfd to = {.fd = 2, .events = POLLOUT};
    struct timespec limit = {patient ? 0 : 1, 0};
    arch_syscall(SYS_ppoll, (long)&to, 1, (long)&limit, 0, SET_SIZE, 0);
    return (to.revents & (POLLERR | POLLHUP | POLLNVAL)) == 0 && (patient || (to.revents & POLLOUT) != 0);
}

/*
 * The reader can go in the very last moment (EPIPE), and the file can reach its limit (EFBIG).  The signal that
 * comes with it waits, since all are blocked, and is taken back: the program did nothing wrong.
 */
static void write_line(const char *line, size_t length)
{
    uint64_t waiting = 0, ours = BIT(SIGPIPE) | BIT(SIGXFSZ);
    struct timespec now = {0, 0};
    sys_call(SYS_rt_sigpending, (long)&waiting, SET_SIZE, 0, 0);
    ours &= ~waiting;
    long n = sys_write(2, line, length);
    if (n == -EPIPE || n == -EFBIG)
        sys_call(SYS_rt_sigtimedwait, (long)&ours, 0, (long)&now, SET_SIZE);
}

void say(const char *first, ...)
{
    char line[1024];
    uint64_t all = ~0UL, before;
    va_list more;
    va_start(more, first);
    size_t length = text_join_list(line, sizeof line - 1, first, more);
    va_end(more);
    if (library_remote_says != NULL && library_remote_says(line))
        return;
    line[length++] = '\n';
    sys_call(SYS_rt_sigprocmask, SIG_BLOCK, (long)&all, (long)&before, SET_SIZE);
    if (own_stderr_there() && can_take())
        write_line(line, length);
    sys_call(SYS_rt_sigprocmask, SIG_SETMASK, (long)&before, 0, SET_SIZE);
}
