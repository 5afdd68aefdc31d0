/*
 * own_stderr.c - say() for libckpt.so and libsavefds.so, which live in somebody else's program.  Given.
 *
 * Descriptor 2 is the program's: after close(2) the next file that it opens is number 2, and that may be its
 * database. So a message goes only to the file that was the standard error when the library came.  And it does the
 * program no harm: no signal comes of it, and without -v it is not waited for longer than a second.
 */
#include "own_stderr.h"
#include "sys.h"
#include "text.h"

#include <poll.h>

#define BIT(signal) (1UL << ((signal)-1))
#define SET_SIZE 8 /* bytes of the kernel's sigset_t */

static bool known, patient;
static dev_t device;
static ino_t inode;

void own_stderr_note(bool waits)
{
    struct stat now;
    patient = waits;
    known = sys_call(SYS_fstat, 2, (long)&now, 0, 0) == 0;
    device = known ? now.st_dev : 0;
    inode = known ? now.st_ino : 0;
}

bool own_stderr_there(void)
{
    struct stat now;
    return known && sys_call(SYS_fstat, 2, (long)&now, 0, 0) == 0 && now.st_dev == device && now.st_ino == inode;
}

void own_stderr_new_life(bool there)
{
    own_stderr_note(patient);
    known = known && there;
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
    line[length++] = '\n';
    sys_call(SYS_rt_sigprocmask, SIG_BLOCK, (long)&all, (long)&before, SET_SIZE);
    if (own_stderr_there() && can_take())
        write_line(line, length);
    sys_call(SYS_rt_sigprocmask, SIG_SETMASK, (long)&before, 0, SET_SIZE);
}
