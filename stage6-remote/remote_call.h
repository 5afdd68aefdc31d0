/*
 * remote_call.h - the job's half of a system call that is made at home.  In libckpt.so; stub_gen's code calls this.
 *
 * All runs inside the handler of SIGSYS, with every signal blocked; nothing here allocates or locks.
 */
#ifndef CKPT_REMOTE_CALL_H
#define CKPT_REMOTE_CALL_H

#include "frame.h"
#include "sys.h"

#include <poll.h>
#include <sys/uio.h>
#include <ucontext.h>

/* A system call of the program's that was caught. */
struct trap {
    ucontext_t *context; /* of the program, right behind the instruction */
    long number;
    long arguments[CALL_ARGUMENTS];
};

/* What a stub returns besides a result or -errno.  No system call returns these. */
#define CALL_LOCAL (-0x10000L) /* make the program's own call here, as it stands in trap->arguments */
#define CALL_AGAIN (-0x10001L) /* a signal comes first: not done; then it is made again, or fails with EINTR */

#define CALL_PIECES 20 /* of memory, that go one way */

/*
 * A call on its way.  The pieces are the program's own memory: nothing is copied, and EFAULT is the kernel's to
 * say.
 */
struct remote_call {
    struct frame frame;
    struct call_head head;
    int64_t result;
    struct iovec in[2 + CALL_PIECES], out[2 + CALL_PIECES]; /* the first two: frame and head; frame and result */
    int in_count, out_count;
    long error; /* found before anything was sent: REMOTE_syscall() returns it */
    struct pollfd *also; /* descriptors of this machine's, for poll(2): if one is ready the call is abandoned */
    int also_count;
};

/*
 * The call with these arguments (CALL_ARGUMENTS of them), descriptors already the shadow's; pointers are noted
 * below.
 */
void call_begin(struct remote_call *call, uint32_t number, const long *arguments);

/* The i-th argument is a pointer (NULL: nothing goes, and the other side sees NULL), in ascending order of i: */
void call_string(struct remote_call *call, int i);              /* a string goes in; -EFAULT, -ENAMETOOLONG */
void call_path(struct remote_call *call, int i);                /* the same, for the name of a file: path_home() */
void call_in(struct remote_call *call, int i, size_t size);     /* size bytes go in */
void call_out(struct remote_call *call, int i, size_t size);    /* at most size bytes come out */
void call_inout(struct remote_call *call, int i, size_t size);  /* size bytes go in, and come out */

/* More memory that belongs to the i-th argument: the pieces of an iovec.  -EINVAL if there are too many. */
void call_in_piece(struct remote_call *call, int i, const void *from, size_t size);
void call_out_piece(struct remote_call *call, void *to, size_t size);

/* A place in a file, `done` bytes further.  One behind all files wraps around: home's kernel says EINVAL. */
static inline long further(long offset, size_t done)
{
    return (long)((uint64_t)offset + done);
}

/*
 * Makes the call at home: sends it, waits, and brings what comes out to its places.  Returns what the call returned
 * there, -errno, or CALL_AGAIN.  Ends the process if the connection is gone: there is nobody to tell.
 */
long REMOTE_syscall(struct remote_call *call);

/* True if a word at this address can be read: asks the kernel, which only says no. */
bool readable(const void *address);

/* And whether it can be written to: to be asked before bytes are read at home that have to go there. */
bool writable(void *address);

/*
 * How long a string is, looked at page by page, since what is not there must not be touched: or -EFAULT,
 * -ENAMETOOLONG.
 */
long readable_length(const char *string);

/* Where a call is made. */
enum side {
    HERE,
    HOME,
    NOWHERE, /* it would be a file of this machine's, which is none of the job's business: EACCES */
};

/*
 * remote_table.c, map(): where is descriptor *fd open?  HERE: *fd is right as it is.  HOME: *fd becomes the
 * shadow's number.  AT_FDCWD is at HOME, and stays.  A number that is not open is HERE: the kernel says EBADF.
 */
enum side map(long *fd);

/* The same for a descriptor that a path may be relative to.  path_rules.c: some paths are this machine's. */
enum side map_at(long *fd, const char *path);
enum side path_side(const char *path); /* as map_at() for AT_FDCWD */

/* The path under which home knows it: /proc/self/exe, /dev/fd/7...  Or `path` itself.  The result is static. */
const char *path_home(const char *path);

/* remote_call.c: a life begins.  Its connection, and the signalfd(2) that sees signals: remote_life (remote.h). */
void remote_call_begin_life(void);

/*
 * Is fd one of our own descriptors, of which the program must not know?  remote_call_give_way(): it wants this
 * number.
 */
bool remote_call_owns(long fd);
void remote_call_give_way(long fd);

/* Says something on home's standard error: FRAME_MESSAGE.  The strings end with NULL.  A newline is added. */
void remote_say(const char *first, ...) __attribute__((sentinel));

#endif
