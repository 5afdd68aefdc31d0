/*
 * shadow_loop.c - the shadow's loop: it waits for the other machine, for signals, and for the clock, all at once.
 *
 * A call of the job's may have to wait as well (read(2) from a terminal, a lock): then its handler waits in
 * shadow_turn(), so that signals, heartbeats and ABANDON never wait for a file.
 */
#include "shadow.h"
#include "image_stream.h"
#include "libc.h"

#include <sys/resource.h>
#include <sys/signalfd.h>

#define TRY_AGAIN 20 /* milliseconds */

struct shadow shadow = {
    .messages = STDERR_FILENO, .image = -1, .next_image = -1, .in = -1, .out = -1, .signals = -1};

static void end_wrong(const char *what)
{
    shadow.end = WRONG;
    shadow.what = what;
}

void shadow_failed(int error)
{
    shadow.end = error == -ETIMEDOUT ? SILENT : LOST;
    shadow.error = error;
}

static void send_frame(uint32_t kind, const void *data, size_t size)
{
    int error = frame_write(shadow.out, kind, 0, data, size);
    if (error != 0 && error != -EPIPE) /* -EPIPE: what it said before its end can still be read */
        shadow_failed(error);
}

/* The first piece.  Not the first time: the job could not save itself, went on, and begins anew. */
static void begin_image(void)
{
    ahead_stop();
    if (shadow.image_size != 0 && ftruncate(shadow.next_image, 0) != 0)
        shadow_failed(-errno);
    shadow.image_size = 0;
    ahead_begin();
}

/* The image is no file of the job's: the limit of their size (RLIMIT_FSIZE) is not meant for it. */
static bool write_unlimited(const char *bytes, size_t size, uint64_t offset)
{
    struct rlimit limit = {RLIM_INFINITY, RLIM_INFINITY};
    getrlimit(RLIMIT_FSIZE, &limit);
    setrlimit(RLIMIT_FSIZE, &(struct rlimit){limit.rlim_max, limit.rlim_max});
    errno = 0;
    bool written = image_write_at(shadow.next_image, bytes, size, offset);
    int error = errno;
    setrlimit(RLIMIT_FSIZE, &limit);
    errno = error;
    return written;
}

/* A piece of the image of a job that leaves. */
static void keep_image(const char *data, size_t size)
{
    uint64_t offset;
    memcpy(&offset, data, sizeof offset);
    size -= sizeof offset;
    if (shadow.leaving && (shadow.image_size == 0 || offset == 0))
        begin_image();
    if (!shadow.leaving || offset > INT64_MAX - size)
        end_wrong("a piece of an image that nobody asked for");
    else if (offset < shadow.image_size)
        end_wrong("a piece of an image that should have come before the last one");
    else if (!write_unlimited(data + sizeof offset, size, offset)) {
        shadow.end = LOST;
        shadow.error = errno != 0 ? -errno : -ENOSPC;
    } else {
        shadow.image_size = offset + size;
        ahead_more();
    }
}

static void end_image(const char *data)
{
    uint64_t size;
    memcpy(&size, data, sizeof size);
    if (!shadow.leaving || shadow.image_size == 0 || size < shadow.image_size || size > INT64_MAX)
        end_wrong("the end of an image that did not come");
    else if (ftruncate(shadow.next_image, (off_t)size) != 0) {
        shadow.end = LOST;
        shadow.error = -errno;
    } else
        shadow.end = JOB_LEFT;
}

/* A call.  It is made by the loop, not here: this may run while another one waits, which would be wrong. */
static void take_call(const struct frame *frame)
{
    if (shadow.serving || shadow.call_came || frame->serial <= shadow.call.serial) {
        end_wrong("a call before the last one was answered");
        return;
    }
    char *data = shadow.data; /* the next frame may come while this one is still used */
    shadow.data = shadow.call_data;
    shadow.call_data = data;
    shadow.call = *frame;
    shadow.call_came = true;
}

/* The answer may have crossed it on its way: then there is nothing to abandon. */
static void abandon(uint64_t serial)
{
    /* TODO 6.6: A call is to be abandoned: this is the shadow's half.
     * `serial` says which. A larger one than that of the last call (shadow.call.serial) never came: end_wrong().
     * If it is the call that is being served (shadow.serving) set shadow.abandoned: its handler sees it, and the
     * answer will be NOT_DONE. Otherwise the answer has been sent already, and the two crossed: nothing is left to
     * do. In no case send anything here: there is one answer to each call. */
}

static void end_job(const char *data)
{
    memcpy(&shadow.status, data, sizeof shadow.status);
    if (WIFEXITED(shadow.status) || WIFSIGNALED(shadow.status))
        shadow.end = JOB_ENDED;
    else
        end_wrong("an end that is none");
}

/* Whoever started us sees it; SIGCONT goes to the job by itself. */
static void stop(void)
{
    raise(SIGSTOP);
    shadow.stopped = true;
}

/* An image will come.  The last one stays until that is whole.  False: there is no room, and the job stays. */
static bool leave(void)
{
    int image = memfd_create("image", MFD_CLOEXEC);
    if (image < 0) {
        shadow_say("the job stays: memfd_create: %s", strerror(errno));
        return false;
    }
    if (shadow.next_image >= 0)
        close(shadow.next_image);
    shadow.next_image = image;
    shadow.image_size = 0;
    shadow.leaving = true;
    return true;
}

/* The other machine's owner wants it back: the job leaves, whatever we want. */
static void evicted(void)
{
    /* TODO 6.7: The job is evicted: this is the shadow's half.
     * An image will come. Make room for it with leave(), above; if that fails the job is lost:
     * shadow_failed(-ENOMEM). But you may just have asked the job yourself (SIGUSR2), and the two LEAVEs have
     * crossed: there is one image, and room for it. Send nothing: the keeper has asked the job already.
     */
    shadow.stays = false; /* -i may have asked first */
}

static void take_frame(const struct frame *frame)
{
    switch (frame->kind) {
    case FRAME_CALL: take_call(frame); break;
    case FRAME_ABANDON: abandon(frame->serial); break;
    case FRAME_LEAVE: evicted(); break;
    case FRAME_IMAGE: keep_image(shadow.data, frame->size); break;
    case FRAME_START: end_image(shadow.data); break;
    case FRAME_ENDED: end_job(shadow.data); break;
    case FRAME_STOPPED: stop(); break;
    case FRAME_MESSAGE: shadow_pass_on(shadow.data, frame->size); break;
    case FRAME_PONG: break;
    default: end_wrong("a frame that only we send"); break;
    }
}

static void receive(void)
{
    struct frame frame;
    int got = frame_read(shadow.in, &frame, shadow.data);
    if (got == 1) {
        shadow.unanswered = 0;
        take_frame(&frame);
    } else if (got == -EPROTO)
        end_wrong(frame_problem(&frame));
    else
        shadow_failed(got);
}

/* Once more, if it was asked and nothing came: perhaps it could not be saved then. */
static void ask_to_leave(bool stays)
{
    if (!shadow.leaving && !leave())
        return;
    if (shadow.image_size == 0) {
        shadow.stays = stays;
        send_frame(FRAME_LEAVE, NULL, 0);
    }
    alarm(image_interval);
}

/* A signal for us is one for the job; SIGUSR2 asks it to leave. */
static void pass_signal_on(void)
{
    struct signalfd_siginfo info;
    if (read(shadow.signals, &info, sizeof info) != sizeof info)
        return;
    int32_t number = (int32_t)info.ssi_signo;
    if (number == SIGCHLD)
        command_look();
    else if (number != SIGUSR2 && number != SIGALRM)
        send_frame(FRAME_SIGNAL, &number, sizeof number);
    else
        ask_to_leave(number == SIGALRM);
}

void shadow_pass_raised(long result)
{
    int32_t number = result == -EPIPE ? SIGPIPE : result == -EFBIG ? SIGXFSZ : 0;
    sigset_t set;
    if (number == 0)
        return;
    sigemptyset(&set);
    sigaddset(&set, number);
    if (sigtimedwait(&set, NULL, &(struct timespec){0}) == number)
        send_frame(FRAME_SIGNAL, &number, sizeof number);
}

/* Milliseconds until the next PING is due. */
static int until_ping(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    long left = (shadow.next_ping.tv_sec - now.tv_sec) * 1000 + (shadow.next_ping.tv_nsec - now.tv_nsec) / 1000000;
    return left <= 0 ? 0 : left < HEARTBEAT_SECONDS * 1000 ? (int)left : HEARTBEAT_SECONDS * 1000;
}

/* Unanswered PINGs are counted, not seconds: while we are stopped ourselves, nobody is silent. */
static void ping(void)
{
    if (shadow.unanswered >= LOST_SECONDS / HEARTBEAT_SECONDS) {
        shadow.end = SILENT;
        return;
    }
    shadow.unanswered++;
    clock_gettime(CLOCK_MONOTONIC, &shadow.next_ping);
    shadow.next_ping.tv_sec += HEARTBEAT_SECONDS;
    send_frame(FRAME_PING, NULL, 0);
}

int shadow_turn(struct pollfd *also, nfds_t count, int milliseconds)
{
    static struct pollfd all[2 + TURN_MOST];
    int limit = until_ping(), ready;
    all[0] = (struct pollfd){.fd = shadow.in, .events = POLLIN};
    all[1] = (struct pollfd){.fd = shadow.signals, .events = POLLIN};
    if (count != 0)
        memcpy(all + 2, also, count * sizeof *also);
    ready = poll(all, 2 + count, milliseconds >= 0 && milliseconds < limit ? milliseconds : limit);
    if (ready <= 0)
        all[0].revents = all[1].revents = 0;
    else if (count != 0)
        memcpy(also, all + 2, count * sizeof *also);
    ready -= (all[0].revents != 0) + (all[1].revents != 0);
    if (all[1].revents != 0)
        pass_signal_on();
    if (all[0].revents != 0)
        receive();
    if (shadow.end == GOES_ON && until_ping() == 0)
        ping();
    return ready > 0 ? ready : 0;
}

bool shadow_stop(void)
{
    int32_t number = SIGSTOP;
    shadow.stopped = false;
    send_frame(FRAME_SIGNAL, &number, sizeof number);
    while (!shadow.stopped && shadow_is_wanted())
        shadow_turn(NULL, 0, -1);
    return shadow_is_wanted();
}

bool shadow_try_again(void)
{
    shadow_turn(NULL, 0, TRY_AGAIN);
    return shadow_is_wanted();
}

enum end shadow_loop(void)
{
    /* TODO 6.3: The shadow's loop.
     * As long as shadow.end is GOES_ON: shadow_turn(NULL, 0, -1) waits until something happens, and sees to
     * frames, signals and heartbeats. If a call came (shadow.call_came), and it is not the end, serve_call() makes
     * it and sends the answer. Not inside of shadow_turn(): a call that waits, for a key or a lock, calls
     * shadow_turn() itself. */
    return shadow.end;
}

void signals_hold(void)
{
    static const int numbers[] = {SIGALRM, SIGINT,   SIGTERM, SIGHUP,  SIGQUIT, SIGTSTP,
                                  SIGCONT, SIGWINCH, SIGUSR1, SIGUSR2, SIGCHLD};
    sigset_t set;
    if (shadow.signals >= 0) /* since the job's first life */
        return;
    sigemptyset(&set);
    for (size_t i = 0; i < sizeof numbers / sizeof *numbers; i++)
        sigaddset(&set, numbers[i]);
    shadow.signals = signalfd(-1, &set, SFD_CLOEXEC | SFD_NONBLOCK);
    sigaddset(&set, SIGPIPE); /* shadow_pass_raised() */
    sigaddset(&set, SIGXFSZ);
    if (shadow.signals < 0 || sigprocmask(SIG_BLOCK, &set, NULL) != 0)
        err(EX_OSERR, "signalfd");
}
