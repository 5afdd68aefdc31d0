/*
 * keeper_relay.c - the keeper's loop: frames from the shadow to the job and back, and what happens to the job.
 *
 *     the shadow's   RESULT, NOT_DONE     to the job, one message each
 *                    PING                 PONG, also while the job computes for an hour
 *                    SIGNAL, LEAVE        kill(2)
 *     the job's      CALL, ABANDON, MESSAGE    to the shadow
 *     SIGTERM        LEAVE, to the shadow: its job is evicted from this machine
 *                    IMAGE, START         to the shadow, after LEAVE, from a pipe of their own (keeper_image.c)
 *     waitpid(2)     STOPPED, ENDED; but not after START
 *
 * No deadlock: a job has one call under way, so when we write a large frame home the shadow has nothing large to
 * send us, and reads; and one RESULT always has room in the job's socket.
 */
#include "keeper.h"
#include "remote_life.h"

#include <poll.h>
#include <sys/signalfd.h>
#include <sys/socket.h>
#include <sys/wait.h>

/* One message of the job's socket. */
struct message {
    struct frame frame;
    char data[FRAME_MAX];
};

static struct message message;
static bool leaving, stopped;

static void send_home(uint32_t kind, uint64_t serial, const void *data, size_t size)
{
    int error = frame_write(STDOUT_FILENO, kind, serial, data, size);
    if (error != 0)
        watch_lost(EX_TEMPFAIL, "the shadow is gone (%s); its job is killed", strerror(-error));
}

static void send_job(const struct job *job, const struct frame *frame)
{
    if (send(job->connection, &message, sizeof *frame + frame->size, MSG_DONTWAIT | MSG_NOSIGNAL) < 0 &&
        errno == EAGAIN)
        watch_lost(EX_PROTOCOL, "the shadow sends more answers than there were calls");
}

/* The job saves itself and ends.  One that is stopped has to go on for that. */
static void leave(const struct job *job)
{
    leaving = true;
    kill(job->pid, REMOTE_SIGNAL);
    if (stopped)
        kill(job->pid, SIGCONT);
}

/* The owner of this machine wants it back. */
static void evict(const struct job *job)
{
    /* TODO 6.7: The job is evicted: this is the keeper's half.
     * The shadow takes an image only if it knows that one will come: send_home() a FRAME_LEAVE, which has no data
     * and the serial 0. If the job is leaving already, home knows it. Then leave(), above, asks the job: not by
     * SIGTERM, which was meant for us; the job may have a handler of its own for that. */
}

static void pass_signal(const struct job *job, const struct frame *frame)
{
    int32_t number = 0;
    if (frame->size == sizeof number)
        memcpy(&number, message.data, sizeof number);
    if (number < 1 || number > 64)
        watch_lost(EX_PROTOCOL, "the shadow sends a signal that is none");
    kill(job->pid, number);
}

static void from_shadow(const struct job *job)
{
    watch_stop(); /* half a frame is a sign, too; frame_read() does not wait for ever for the other half */
    int got = frame_read(STDIN_FILENO, &message.frame, message.data);
    const struct frame *frame = &message.frame;
    if (got == 0)
        watch_lost(EX_TEMPFAIL, "the shadow is gone; its job is killed");
    if (got < 0)
        watch_lost(got == -EPROTO ? EX_PROTOCOL : EX_TEMPFAIL, "what should be the shadow's frames: %s; its job is "
                   "killed", strerror(-got));
    if (!stopped)
        watch_sign();
    if (frame->kind == FRAME_RESULT || frame->kind == FRAME_NOT_DONE)
        send_job(job, frame);
    else if (frame->kind == FRAME_PING)
        send_home(FRAME_PONG, 0, NULL, 0);
    else if (frame->kind == FRAME_SIGNAL)
        pass_signal(job, frame);
    else if (frame->kind == FRAME_LEAVE)
        leave(job);
    else
        watch_lost(EX_PROTOCOL, "the shadow sends a frame that is not its to send; its job is killed");
}

/* True if what the job sent, `size` bytes, is one whole frame of its own. */
static bool is_fine(ssize_t size)
{
    uint32_t kind = message.frame.kind;
    return size >= (ssize_t)sizeof message.frame && frame_problem(&message.frame) == NULL &&
           (size_t)size == sizeof message.frame + message.frame.size &&
           (kind == FRAME_CALL || kind == FRAME_ABANDON || kind == FRAME_MESSAGE);
}

/* One message to home.  False: there is none now. */
static bool from_job(struct job *job)
{
    ssize_t size = recv(job->connection, &message, sizeof message, MSG_DONTWAIT | MSG_TRUNC);
    if (size < 0 && (errno == EAGAIN || errno == EINTR))
        return false;
    if (size <= 0) { /* it has closed its end: it computes on, or has ended */
        close(job->connection);
        job->connection = -1;
        return false;
    }
    if (!is_fine(size))
        watch_lost(EX_PROTOCOL, "the job sends what is no frame of its own; it is killed");
    send_home(message.frame.kind, message.frame.serial, message.data, message.frame.size);
    return true;
}

/* Its image is on its way home, whole: it has left, and nothing of it may come any more. */
static void job_left(struct job *job, uint64_t size)
{
    kill(job->pid, SIGKILL); /* it was about to end by itself */
    watch_start(0);
    while (job->connection >= 0 && from_job(job))
        ;
    send_home(FRAME_START, 0, &size, sizeof size);
    exit(EX_OK);
}

/* A frame of its image, to home. */
static void from_image(struct job *job)
{
    uint64_t size;
    if (!leaving)
        watch_lost(EX_PROTOCOL, "the job sends an image that nobody has asked for; it is killed");
    if (pass_image(job, &size))
        job_left(job, size);
}

/* Nothing that it sent is lost: its last calls, messages, its image, and then how it ended. */
static void job_ended(struct job *job, int status)
{
    watch_start(0);
    while (job->connection >= 0 && from_job(job))
        ;
    while (leaving && job->image >= 0)
        from_image(job);
    send_home(FRAME_ENDED, 0, &(int32_t){status}, sizeof(int32_t));
    exit(EX_OK);
}

static void look_at(struct job *job)
{
    int status;
    while (waitpid(job->pid, &status, WUNTRACED | WCONTINUED | WNOHANG) > 0) {
        stopped = WIFSTOPPED(status);
        if (stopped) { /* and so will the shadow be: its silence says nothing now */
            send_home(FRAME_STOPPED, 0, &(int32_t){WSTOPSIG(status)}, sizeof(int32_t));
            watch_stop();
        } else if (WIFCONTINUED(status)) {
            watch_sign();
        } else {
            job_ended(job, status);
        }
    }
}

/* SIGCHLD and SIGTERM, to be read like frames. */
static int open_signals(void)
{
    sigset_t set;
    sigemptyset(&set);
    sigaddset(&set, SIGCHLD);
    sigaddset(&set, SIGTERM);
    sigprocmask(SIG_BLOCK, &set, NULL);
    int fd = signalfd(-1, &set, SFD_CLOEXEC | SFD_NONBLOCK);
    if (fd < 0)
        err(EX_OSERR, "signalfd");
    return fd;
}

void relay(struct job *job)
{
    int signals = open_signals();
    watch_start(job->pid);
    watch_sign(); /* the network may go away before the first PING */
    look_at(job); /* what happened before there was a signalfd */
    for (;;) {
        struct signalfd_siginfo signal = {0};
        struct pollfd ready[] = {{STDIN_FILENO, POLLIN, 0}, {job->connection, POLLIN, 0}, {signals, POLLIN, 0},
                                 {job->image, POLLIN, 0}};
        if (poll(ready, 4, -1) < 0)
            continue;
        if (ready[1].revents != 0)
            from_job(job);
        if (ready[0].revents != 0)
            from_shadow(job);
        if (ready[3].revents & POLLIN)
            from_image(job);
        if (ready[2].revents == 0)
            continue;
        if (read(signals, &signal, sizeof signal) > 0 && signal.ssi_signo == SIGTERM)
            evict(job);
        look_at(job);
    }
}
