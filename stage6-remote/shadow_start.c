/* shadow_start.c - the start of each of the job's lives: both sides say hello, then the image goes there. */
#include "shadow.h"
#include "arch.h"
#include "libc.h"
#include "syscall_stubs.h"

#include <sys/wait.h>

/* What came instead of a hello: the first bytes of it, for people. */
static void not_a_hello(const struct frame *frame)
{
    shadow.end = WRONG;
    shadow.what = "the first thing that came is no hello of `restart --remote`";
    shadow_say("COMMAND wrote something itself (does a shell on its way print a greeting?):");
    shadow_pass_on((const char *)frame, sizeof *frame);
}

/* NULL, or in what the two sides differ. */
static const char *hello_problem(const struct hello *theirs, const struct hello *ours)
{
    if (theirs->version != ours->version)
        return "the other machine's restart is of another version: build both from the same lab";
    if (theirs->machine != ours->machine)
        return "the other machine has another processor";
    if (theirs->page_size != ours->page_size)
        return "the other machine has pages of another size";
    if (theirs->calls != ours->calls)
        return "the other machine's restart knows other calls: build both from the same stubs.tmpl";
    return NULL;
}

static void hello(void)
{
    struct hello ours = {FRAME_VERSION, ARCH_ELF_MACHINE, (uint32_t)sysconf(_SC_PAGESIZE), CALLS_DIGEST}, theirs;
    struct frame frame = {0};
    frame_write(shadow.out, FRAME_HELLO, 0, &ours, sizeof ours); /* if that fails, reading says why */
    int got = frame_read(shadow.in, &frame, shadow.data);
    while (got == 1 && frame.kind == FRAME_MESSAGE) {
        shadow_pass_on(shadow.data, frame.size);
        got = frame_read(shadow.in, &frame, shadow.data);
    }
    if (got == -EPROTO || (got == -EPIPE && frame.kind != 0) || (got == 1 && frame.kind != FRAME_HELLO)) {
        not_a_hello(&frame);
        return;
    }
    if (got != 1) {
        shadow.end = NOT_STARTED;
        return;
    }
    memcpy(&theirs, shadow.data, sizeof theirs);
    shadow.what = hello_problem(&theirs, &ours);
    if (shadow.what != NULL)
        shadow.end = WRONG;
}

/* Sends the image's bytes from `start` to `end`.  0 or -errno. */
static int send_data(uint64_t start, uint64_t end)
{
    char *record = shadow.data;
    while (start < end) {
        size_t size = end - start < FRAME_DATA ? end - start : FRAME_DATA;
        ssize_t n = pread(shadow.image, record + sizeof start, size, (off_t)start);
        if (n <= 0)
            return n < 0 ? -errno : -EIO;
        memcpy(record, &start, sizeof start);
        int error = frame_write(shadow.out, FRAME_IMAGE, 0, record, sizeof start + (size_t)n);
        if (error != 0)
            return error;
        start += (uint64_t)n;
    }
    return 0;
}

/*
 * Sends the image.  Its holes (4 GiB that a program has reserved and not touched) cost nothing.  A file system
 * without SEEK_DATA says that all is data (lseek(2)).
 */
static int send_image(void)
{
    uint64_t size = (uint64_t)lseek(shadow.image, 0, SEEK_END);
    off_t data = 0;
    int error = 0;
    while (error == 0 && (data = lseek(shadow.image, data, SEEK_DATA)) >= 0) {
        off_t hole = lseek(shadow.image, data, SEEK_HOLE);
        error = hole < 0 ? -errno : send_data((uint64_t)data, (uint64_t)hole);
        data = hole;
    }
    return error != 0 ? error : frame_write(shadow.out, FRAME_START, 0, &size, sizeof size);
}

void life_start(const char *command, const char *restart)
{
    shadow.end = GOES_ON;
    shadow.what = NULL;
    shadow.error = 0;
    shadow.leaving = shadow.call_came = shadow.abandoned = false;
    shadow.unanswered = 0;
    shadow.call.serial = 0; /* they begin at 1 in each life */
    command_start(command, restart);
    hello();
    if (shadow.end != GOES_ON)
        return;
    signals_hold(); /* before the job can run: from here on they are its, and wait until the loop passes them on */
    int error = send_image();
    clock_gettime(CLOCK_MONOTONIC, &shadow.next_ping);
    clock_gettime(CLOCK_MONOTONIC, &shadow.last_time);
    shadow.next_ping.tv_sec += HEARTBEAT_SECONDS;
    if (error != 0 && error != -EPIPE) { /* -EPIPE: the loop reads what the other side said before it ended */
        shadow.end = error == -ETIMEDOUT ? SILENT : LOST;
        shadow.error = error;
    }
}
