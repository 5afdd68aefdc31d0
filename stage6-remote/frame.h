/*
 * frame.h - what travels between the two machines: frames, on one stream of bytes each way.
 *
 *     ckpt-shadow  <== standard input and output of COMMAND ==>  restart --remote  <== a socket ==>  the job
 *      (home)                                                    (keeper)                            (libckpt.so)
 *
 *     | struct frame | size bytes | struct frame | size bytes | ...
 *
 * The keeper passes FRAME_CALL, FRAME_ABANDON and FRAME_MESSAGE on from the job, FRAME_RESULT and FRAME_NOT_DONE to
 * it; all other frames are between keeper and shadow.  Between job and keeper each frame is one message of a
 * SOCK_SEQPACKET socket (unix(7)), so that neither ever sees half a frame.
 *
 * Only the image of a job that leaves has a pipe of its own to the keeper, with the same frames.  It goes through
 * all hands at once, and lies nowhere but at home and where it shall run:
 *
 *     job ==== pipe ====> keeper ====> shadow, which keeps it ====> the next keeper's child, then the job
 *         IMAGE... START      IMAGE... START                IMAGE... and START when all of it is kept
 *
 * Nobody believes a number that arrives: who gets a frame that is wrong ends the connection.  Both machines have
 * the same processor (an image goes from one to the other), so numbers have its byte order.
 */
#ifndef CKPT_FRAME_H
#define CKPT_FRAME_H

#include <stddef.h>
#include <stdint.h>

#define FRAME_MAGIC 0x6b63U /* in the upper half of `kind`, so that other bytes are known for what they are */
#define FRAME_VERSION 2
#define FRAME_DATA (64UL << 10)          /* bytes that one call takes or brings */
#define FRAME_MAX (FRAME_DATA + (16UL << 10)) /* `size`: the data, two paths and the head */

enum frame_kind {
    FRAME_HELLO = FRAME_MAGIC << 16, /* struct hello: the first, of either side */
    FRAME_IMAGE,    /* uint64_t offset, then bytes of the image: shadow to keeper, or back when the job leaves.  The
                     * offsets ascend; 0 again when the job could not save itself, and begins anew */
    FRAME_START,    /* uint64_t size of the image: it is whole.  The keeper starts it; or the shadow keeps it */
    FRAME_CALL,     /* job to shadow: struct call_head, then what goes in.  There is one answer: */
    FRAME_RESULT,   /* int64_t, then what comes out */
    FRAME_NOT_DONE, /* or this, after FRAME_ABANDON: nothing was done, the call can be made again */
    FRAME_ABANDON,  /* job to shadow: a signal came.  If the call of this serial is not made yet, do not make it */
    FRAME_SIGNAL,   /* int32_t: shadow to keeper: for the job */
    FRAME_LEAVE,    /* shadow to keeper: the job shall save itself and leave */
    FRAME_STOPPED,  /* int32_t, the signal: keeper to shadow: the job has stopped */
    FRAME_ENDED,    /* int32_t, as wait(2) has it: keeper to shadow: the job has ended */
    FRAME_MESSAGE,  /* text without '\0': for the shadow's standard error */
    FRAME_PING,     /* shadow to keeper, when there is nothing else for a while */
    FRAME_PONG,     /* its answer */
    FRAME_END,      /* no frame: behind the last kind */
};

/* The head of every frame. */
struct frame {
    uint32_t kind;   /* enum frame_kind */
    uint32_t size;   /* bytes that follow: at most FRAME_MAX */
    uint64_t serial; /* of the call, in CALL, RESULT, NOT_DONE and ABANDON: 1, 2, 3, ... in each life; else 0 */
};

struct hello {
    uint32_t version;     /* FRAME_VERSION */
    uint32_t machine;     /* e_machine, elf(5) */
    uint32_t page_size;   /* bytes */
    uint32_t calls;       /* a number for the list of calls (stub_gen): both sides have the same */
};

#define CALL_ARGUMENTS 6

/*
 * A call.  Arguments that are pointers travel as 1, or 0 for NULL; descriptors as the shadow's own numbers.  Then
 * come the bytes that go in, in the order of the arguments: in_size[i] of them for the i-th.
 */
struct call_head {
    uint32_t call;  /* enum remote_call_number, which stub_gen makes */
    uint32_t flags; /* enum call_flag */
    int64_t arguments[CALL_ARGUMENTS];
    uint32_t in_size[CALL_ARGUMENTS];
};

enum call_flag {
    CALL_NO_WAIT = 1, /* O_NONBLOCK: -EAGAIN rather than wait */
};

#ifndef LOST_SECONDS /* a test has less patience */
#define HEARTBEAT_SECONDS 2 /* between two PINGs */
#define LOST_SECONDS 8      /* without any frame: the other side is gone */
#endif

/*
 * frame.c.  Uses read(2), writev(2), poll(2) alone; async-signal-safe; EINTR is no end.  fd blocks, or not: one
 * that does not is -ETIMEDOUT when the other side takes, or brings, no byte of a frame for LOST_SECONDS.
 */

/*
 * Reads one frame: the head into *frame, its bytes into data (room FRAME_MAX).  Returns 1; 0 at a clean end of the
 * stream (before a head); or -errno: -EPROTO if what comes is no frame, -EPIPE if it ends within one.
 */
int frame_read(int fd, struct frame *frame, void *data);

/* Writes one frame, all of it.  0 or -errno.  SIGPIPE is the caller's to ignore. */
int frame_write(int fd, uint32_t kind, uint64_t serial, const void *data, size_t size);

/*
 * The same in pieces, for what need not lie in memory: the head of an IMAGE frame, with its offset; `size` bytes
 * are to follow.  Then those, or some of them.  0 or -errno.
 */
int frame_begin_image(int fd, uint64_t offset, size_t size);
int frame_more(int fd, const void *bytes, size_t size);

/* Waits until fd is ready for these events of poll(2).  0 or -errno. */
int frame_wait(int fd, short events, int milliseconds);

/* NULL if this head can be the head of a frame; else what is wrong with it. */
const char *frame_problem(const struct frame *frame);

#endif
