/* shadow_start.c - the start of each of the job's lives: both sides say hello, then the image goes there. */
#include "shadow.h"
#include "arch.h"
#include "image_stream.h"
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

void shadow_hello(int milliseconds)
{
    struct hello ours = {FRAME_VERSION, ARCH_ELF_MACHINE, (uint32_t)sysconf(_SC_PAGESIZE), CALLS_DIGEST}, theirs;
    struct frame frame = {0};
    frame_write(shadow.out, FRAME_HELLO, 0, &ours, sizeof ours); /* if that fails, reading says why */
    int got = frame_wait(shadow.in, POLLIN, milliseconds);
    if (got == 0)
        got = frame_read(shadow.in, &frame, shadow.data);
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

void life_start(void)
{
    int error;
    int64_t size = lseek(shadow.image, 0, SEEK_END);
    shadow.end = GOES_ON;
    shadow.what = NULL;
    shadow.error = 0;
    shadow.leaving = shadow.stays = shadow.call_came = shadow.abandoned = false;
    shadow.unanswered = 0;
    shadow.call.serial = 0; /* they begin at 1 in each life */
    bool ahead = ahead_take();
    if (!ahead) {
        command_start(shadow.machine_count > 0 ? shadow.machines[shadow.machine] : NULL, shadow.restart);
        shadow_hello(-1);
    }
    if (shadow.end != GOES_ON)
        return;
    alarm(image_interval);
    signals_hold(); /* before the job can run: from here on they are its, and wait until the loop passes them on */
    if (ahead)
        error = frame_write(shadow.out, FRAME_START, 0, &size, sizeof size);
    else
        error = image_send(shadow.out, shadow.image);
    clock_gettime(CLOCK_MONOTONIC, &shadow.next_ping);
    clock_gettime(CLOCK_MONOTONIC, &shadow.last_time);
    shadow.next_ping.tv_sec += HEARTBEAT_SECONDS;
    if (error != 0 && error != -EPIPE) /* -EPIPE: the loop reads what the other side said before it ended */
        shadow_failed(error);
}
