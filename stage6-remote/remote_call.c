/*
 * remote_call.c - a system call that is made at home: what the message is made of, and the wait for its answer.
 *
 *     job                                     shadow
 *      |---- CALL 7 ---------------------------->|
 *      |<--- RESULT 7 ---------------------------|       nearly always
 *
 *      |---- CALL 8 (read from a terminal) ----->|       waits for a key
 *    signal, ABANDON 8 ------------------------->|
 *      |<--- NOT_DONE 8 -------------------------|       nothing was read: the handler runs, the call is made again
 *
 *      |---- CALL 9 ---------------------------->|
 *    signal, ABANDON 9 ----->  <---- RESULT 9 ---|       they cross: the result counts.  If it is thrown away, it
 *      |                                         |       would be bytes that were read, and are lost
 *
 * So there is one answer to each call, and the job waits for it before it lets the signal in.
 */
#include "remote_call.h"
#include "remote.h"
#include "text.h"
#include "trap.h"

#include <sys/signalfd.h>
#include <sys/socket.h>
#include <sysexits.h>

#define MOST_ERRNO 4095 /* the kernel's MAX_ERRNO */

static uint64_t serial;
static uint64_t user_end; /* to find it out may take system calls */

void remote_call_begin_life(void)
{
    serial = 0;
    user_end = ARCH_USER_END;
}

static int32_t *own(long fd)
{
    int32_t *const all[] = {&remote_life.connection, &remote_life.image, &remote_life.signals};
    for (size_t i = 0; i < sizeof all / sizeof *all; i++)
        if (fd >= 0 && fd == *all[i])
            return all[i];
    return NULL;
}

bool remote_call_owns(long fd)
{
    return own(fd) != NULL;
}

/* The program wants this very number (dup2(2)): we go to another. */
void remote_call_give_way(long fd)
{
    long other = sys_call(SYS_fcntl, fd, F_DUPFD_CLOEXEC, fd + 1, 0);
    if (other >= 0)
        *own(fd) = (int32_t)other;
}

/* There is nobody who could be told; home sees that the job is gone. */
__attribute__((noreturn)) static void end_alone(void)
{
    sys_exit(EX_TEMPFAIL);
}

bool readable(const void *address)
{
    /* The set is copied before `how` is looked at: EFAULT says no, EINVAL yes (sigprocmask(2)). */
    uint64_t word = (uint64_t)address & ~7UL;
    return word != 0 && sys_call(SYS_rt_sigprocmask, 99, (long)word, 0, MASK_SIZE) != -EFAULT;
}

/* The kernel writes the old mask, which we take away again; no signal comes in between. */
bool writable(void *address)
{
    uint64_t *word = (uint64_t *)((uint64_t)address & ~7UL); // NOLINT
    if (!readable(word))
        return false;
    uint64_t kept = *word;
    if (sys_call(SYS_rt_sigprocmask, SIG_BLOCK, 0, (long)word, MASK_SIZE) != 0)
        return false;
    *word = kept;
    return true;
}

void call_begin(struct remote_call *call, uint32_t number, const long *arguments)
{
    *call = (struct remote_call){.head.call = number, .in_count = 2, .out_count = 2};
    for (int i = 0; i < CALL_ARGUMENTS; i++)
        call->head.arguments[i] = arguments[i];
}

static void add(struct remote_call *call, struct iovec *list, int *count, const void *at, size_t size)
{
    if (*count == 2 + CALL_PIECES)
        call->error = -EINVAL;
    else if (size > user_end || (uint64_t)at > user_end - size)
        call->error = -EFAULT; /* or recvmsg(2) would say so, and leave the answer for the next call */
    else
        list[(*count)++] = (struct iovec){(void *)at, size};
}

/* The i-th argument as a pointer; in the head stays whether there is one. */
static void *pointer(struct remote_call *call, int i)
{
    void *at = (void *)call->head.arguments[i]; // NOLINT: the program's address
    call->head.arguments[i] = at != NULL;
    return at;
}

void call_in_piece(struct remote_call *call, int i, const void *from, size_t size)
{
    call->head.in_size[i] += (uint32_t)size;
    add(call, call->in, &call->in_count, from, size);
}

void call_out_piece(struct remote_call *call, void *to, size_t size)
{
    if (size > 0 && !writable(to)) /* what has been read at home, and then finds no memory, would be lost */
        call->error = -EFAULT;
    add(call, call->out, &call->out_count, to, size);
}

long readable_length(const char *string)
{
    for (size_t i = 0; i < PATH_MAX; i++) {
        bool new_page = i == 0 || (uint64_t)(string + i) % ARCH_PAGE_SIZE == 0;
        if (new_page && !readable(string + i))
            return -EFAULT;
        if (string[i] == '\0')
            return (long)i;
    }
    return -ENAMETOOLONG;
}

static void put_string(struct remote_call *call, int i, const char *string)
{
    long length = string == NULL ? 0 : readable_length(string);
    if (length < 0)
        call->error = length;
    else if (string != NULL)
        call_in_piece(call, i, string, (size_t)length + 1);
}

void call_string(struct remote_call *call, int i)
{
    put_string(call, i, pointer(call, i));
}

void call_path(struct remote_call *call, int i)
{
    const char *path = pointer(call, i);
    if (path != NULL && readable_length(path) >= 0)
        path = path_home(path);
    put_string(call, i, path);
}

void call_in(struct remote_call *call, int i, size_t size)
{
    const void *from = pointer(call, i);
    if (from != NULL)
        call_in_piece(call, i, from, size < FRAME_DATA ? size : FRAME_DATA);
}

void call_out(struct remote_call *call, int i, size_t size)
{
    void *to = pointer(call, i);
    if (to != NULL)
        call_out_piece(call, to, size < FRAME_DATA ? size : FRAME_DATA);
}

void call_inout(struct remote_call *call, int i, size_t size)
{
    void *at = pointer(call, i);
    if (at == NULL)
        return;
    call_in_piece(call, i, at, size);
    call_out_piece(call, at, size);
}

/* One message, of all pieces.  The kernel reads the program's memory, and says EFAULT before anything is sent. */
static long send_message(struct remote_call *call)
{
    struct msghdr message = {.msg_iov = call->in, .msg_iovlen = (size_t)call->in_count};
    uint32_t size = sizeof call->head;
    for (int i = 2; i < call->in_count; i++)
        size += (uint32_t)call->in[i].iov_len;
    call->frame = (struct frame){FRAME_CALL, size, ++serial};
    call->in[0] = (struct iovec){&call->frame, sizeof call->frame};
    call->in[1] = (struct iovec){&call->head, sizeof call->head};
    long n = sys_call(SYS_sendmsg, remote_life.connection, (long)&message, MSG_NOSIGNAL, 0);
    return n >= 0 || n == -EFAULT ? n : -EPIPE;
}

/*
 * Is what came, `size` bytes, one whole answer to our call?  Its result must be one of a system call: CALL_LOCAL
 * would make the call here.
 */
static bool is_answer(const struct remote_call *call, size_t size)
{
    const struct frame *frame = &call->frame;
    if (size < sizeof *frame || size != sizeof *frame + frame->size || frame->serial != serial)
        return false;
    if (frame->kind == FRAME_NOT_DONE)
        return frame->size == 0;
    return frame->kind == FRAME_RESULT && frame->size >= sizeof call->result && call->result >= -MOST_ERRNO;
}

/* The answer, into the program's memory: call->frame.kind says which it is. */
static void receive(struct remote_call *call)
{
    struct msghdr message = {.msg_iov = call->out, .msg_iovlen = (size_t)call->out_count};
    call->out[0] = (struct iovec){&call->frame, sizeof call->frame};
    call->out[1] = (struct iovec){&call->result, sizeof call->result};
    long n = sys_call(SYS_recvmsg, remote_life.connection, (long)&message, 0, 0);
    if (n == -EFAULT) {
        call->result = -EFAULT;
        call->frame.kind = FRAME_RESULT;
    } else if (n < 0 || (message.msg_flags & MSG_TRUNC) || !is_answer(call, (size_t)n)) {
        end_alone(); /* MSG_TRUNC: more came than there was asked for */
    }
}

static void abandon(void)
{
    struct frame frame = {FRAME_ABANDON, 0, serial};
    if (sys_call(SYS_sendto, remote_life.connection, (long)&frame, sizeof frame, MSG_NOSIGNAL) < 0)
        end_alone();
}

/* True as soon as the answer can be received; false: a signal came first, or one of call->also is ready. */
static bool wait_for_answer(const struct remote_call *call)
{
    struct pollfd wait[2] = {{remote_life.connection, POLLIN, 0}, {remote_life.signals, POLLIN, 0}};
    uint64_t wanted = ~trap_waiting_mask;
    sys_call(SYS_signalfd4, remote_life.signals, (long)&wanted, MASK_SIZE, 0);
    if (call->also_count == 0) {
        sys_call(SYS_ppoll, (long)wait, 2, 0, 0);
        return wait[0].revents != 0;
    }
    struct pollfd *also = call->also; /* there is room for two more behind them */
    memcpy(also + call->also_count, wait, sizeof wait);
    sys_call(SYS_ppoll, (long)also, call->also_count + 2, 0, 0);
    return also[call->also_count].revents != 0;
}

static long answer(struct remote_call *call)
{
    /* TODO 6.6: Wait for the answer, and abandon the call if a signal comes first.
     * wait_for_answer() says which of the two it is. If it is the signal: abandon(), once. Then receive() in any
     * case: there is exactly one answer to each call, and one that is not waited for would be taken for that of
     * the next. If it is FRAME_NOT_DONE return CALL_AGAIN, else call->result. */
    (void)wait_for_answer, (void)abandon; receive(call); return call->result;
}

long REMOTE_syscall(struct remote_call *call)
{
    if (remote_life.connection < 0 || call->error != 0)
        return remote_life.connection < 0 ? -ENOSYS : call->error;
    long sent = send_message(call);
    if (sent == -EFAULT)
        return -EFAULT;
    if (sent < 0)
        end_alone();
    return answer(call);
}

void remote_say(const char *first, ...)
{
    struct {
        struct frame frame;
        char text[1024];
    } message;
    va_list more;
    va_start(more, first);
    size_t length = text_join_list(message.text, sizeof message.text - 1, first, more);
    va_end(more);
    message.text[length++] = '\n';
    message.frame = (struct frame){FRAME_MESSAGE, (uint32_t)length, 0};
    long size = (long)(sizeof message.frame + length);
    if (remote_life.connection >= 0)
        sys_call(SYS_sendto, remote_life.connection, (long)&message, size, MSG_NOSIGNAL);
}
