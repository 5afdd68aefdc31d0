/* serve_call.c - a call that came from the job: looked at, made, answered.  There is exactly one answer. */
#include "serve.h"
#include "libc.h"
#include "shadow.h"
#include "since.h"
#include "syscall_stubs.h"

static char room[FRAME_MAX] __attribute__((aligned(16)));
static char answer[FRAME_MAX];

/* NULL, or what is wrong with the request whose bytes are in shadow.call_data. */
static const char *open_request(struct request *r)
{
    const struct call_head *head = (const void *)shadow.call_data;
    char *data = shadow.call_data + sizeof *head;
    size_t left = shadow.call.size - sizeof *head;
    *r = (struct request){.head = head, .room = room};
    if (head->call == 0 || head->call >= CALL_COUNT || handlers[head->call] == NULL)
        return "there is no such call";
    for (int i = 0; i < CALL_ARGUMENTS; i++) {
        r->arguments[i] = (long)head->arguments[i];
        if (head->in_size[i] > left)
            return "a call has fewer bytes than it says";
        r->in[i] = head->in_size[i] > 0 ? data : NULL;
        data += head->in_size[i];
        left -= head->in_size[i];
        if (r->in[i] != NULL && r->arguments[i] == 0)
            return "a call has bytes for NULL";
    }
    *data = '\0';
    return left != 0 ? "a call has more bytes than it says" : NULL;
}

static void close_request(struct request *r)
{
    for (int i = 0; i < r->opened_count; i++)
        close(r->opened[i]); /* O_PATH: no lock is dropped (fcntl_locking(2)) */
}

/* The result, then what comes out; of a call that failed nothing does. */
static size_t make_answer(const struct request *r, int64_t result)
{
    size_t size = sizeof result;
    memcpy(answer, &result, sizeof result);
    for (int i = 0; result >= 0 && i < r->out_count; i++) {
        memcpy(answer + size, r->out[i].iov_base, r->out[i].iov_len);
        size += r->out[i].iov_len;
    }
    return size;
}

static void send_answer(uint32_t kind, size_t size)
{
    int error = frame_write(shadow.out, kind, shadow.call.serial, answer, size);
    if (error != 0 && error != -EPIPE && shadow.end == GOES_ON)
        shadow_failed(error);
}

/*
 * Somebody else may have taken what was ready (waited): then the job, which wanted to wait, waits on.  And we may
 * be in the background, where a program stops before it reads from its terminal.
 */
static long make(struct request *r)
{
    long result = handlers[r->head->call](r);
    bool refused = result == -EINTR && terminal_refused();
    while ((result == -EAGAIN && r->waited) || refused) {
        if (refused && !shadow_stop())
            return REQUEST_ABANDONED;
        close_request(r);
        open_request(r);
        result = handlers[r->head->call](r);
        refused = result == -EINTR && terminal_refused();
    }
    return result;
}

void serve_call(void)
{
    struct request r;
    const char *wrong = open_request(&r);
    shadow.call_came = false;
    if (wrong != NULL) {
        shadow.end = WRONG;
        shadow.what = wrong;
        return;
    }
    shadow.last_call = call_names[r.head->call];
    shadow.calls++;
    shadow.serving = true;
    shadow.abandoned = false;
    clock_gettime(CLOCK_MONOTONIC, &shadow.last_time);
    long result = make(&r);
    shadow.serving = false;
    shadow_pass_raised(result);
    if (result >= 0)
        since_call(&r, result);
    if (result == REQUEST_ABANDONED)
        send_answer(FRAME_NOT_DONE, 0);
    else
        send_answer(FRAME_RESULT, make_answer(&r, result));
    close_request(&r);
}
