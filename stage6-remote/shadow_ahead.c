/*
 * shadow_ahead.c - the next machine gets the image while it still comes from the last one.
 *
 *     the last machine ====> the loop ----> shadow.next_image
 *                               |                |  reads it
 *                               | so much is     v
 *                               | here ------> feeder ====> the next machine
 *
 * The feeder is a child, so that a slow machine holds up neither the loop nor the last machine.  It says hello and
 * sends all but FRAME_START: nothing begins there before the image is whole, and kept here; life_start() says so.
 * If it never gets whole, nobody does, and what has gone there is forgotten.
 */
#include "shadow.h"
#include "image_stream.h"
#include "libc.h"

#define HELLO_SECONDS 60 /* until the next machine must have said hello; else the one behind it is tried */

#include <stdatomic.h>
#include <sys/eventfd.h>
#include <sys/prctl.h>
#include <sys/wait.h>

/* What the feeder and we tell each other; in memory that is shared. */
static struct told {
    _Atomic uint64_t here; /* so many bytes of the image */
    _Atomic bool whole;    /* and these are all */
    enum end end;          /* the feeder's: how it went; `what` is a constant, at the same address in both */
    int error;
    const char *what;
} *told;

static struct connection next;
static pid_t feeder; /* 0: there is none */
static int event;    /* an eventfd(2): `told` has changed */

static int by_number(const void *a, const void *b)
{
    return *(const int *)a - *(const int *)b;
}

/* A pipe, or a lock, of the job's must not live on in the feeder. */
static void close_others(void)
{
    int keep[] = {shadow.messages, shadow.next_image, shadow.in, shadow.out, event};
    unsigned from = 0;
    qsort(keep, sizeof keep / sizeof *keep, sizeof *keep, by_number);
    for (size_t i = 0; i < sizeof keep / sizeof *keep; from = (unsigned)keep[i++] + 1)
        if ((unsigned)keep[i] > from)
            close_range(from, (unsigned)keep[i] - 1, 0);
    close_range(from, ~0U, 0);
}

/* Something came from the next machine: it can only answer PING, or complain. */
static void hear(void)
{
    struct frame frame;
    int got = frame_read(shadow.in, &frame, shadow.data);
    if (got == 1 && frame.kind == FRAME_MESSAGE)
        shadow_pass_on(shadow.data, frame.size);
    else if (got == 1 && frame.kind != FRAME_PONG) {
        shadow.end = WRONG;
        shadow.what = "a frame before there was a job";
    } else if (got != 1)
        shadow_failed(got);
}

/* Waits until more is to be sent.  The other side hears from us all the while. */
static void wait_for_more(void)
{
    uint64_t count;
    struct pollfd ready[] = {{event, POLLIN, 0}, {shadow.in, POLLIN, 0}};
    if (poll(ready, 2, HEARTBEAT_SECONDS * 1000) == 0)
        frame_write(shadow.out, FRAME_PING, 0, NULL, 0); /* if it fails, we shall hear why */
    if (ready[1].revents != 0)
        hear();
    if (ready[0].revents != 0 && read(event, &count, sizeof count) < 0 && errno != EINTR)
        shadow_failed(-errno);
}

static void feed(void)
{
    uint64_t sent = 0, here = 0;
    for (bool whole = false; !whole && shadow.end == GOES_ON; sent = here) {
        whole = told->whole; /* first this one: what is here then is all */
        here = told->here;
        int error = image_send_part(shadow.out, shadow.next_image, sent, here);
        if (error == -EPIPE) /* it may have said why: that is read later */
            return;
        if (error != 0)
            shadow_failed(error);
        else if (!whole)
            wait_for_more();
    }
}

__attribute__((noreturn)) static void be_feeder(pid_t parent)
{
    prctl(PR_SET_PDEATHSIG, SIGKILL);
    if (getppid() != parent)
        _exit(0);
    close_others();
    shadow_hello(HELLO_SECONDS * 1000); /* whoever waits for this job waits for that */
    feed();
    told->end = shadow.end;
    told->error = shadow.error;
    told->what = shadow.what;
    _exit(0);
}

/* All of what we have of the feeder, and of its machine: not the connection. */
static void forget(void)
{
    munmap(told, sizeof *told);
    close(event);
    feeder = 0;
}

static int feeder_status(void)
{
    int status = 0;
    while (waitpid(feeder, &status, 0) < 0 && errno == EINTR)
        ;
    return status;
}

/* Between the connection to the last machine and the other one. */
static void swap_connections(void)
{
    struct connection now = {shadow.in, shadow.out, shadow.command};
    shadow.in = next.in;
    shadow.out = next.out;
    shadow.command = next.command;
    next = now;
}

static void start(const char *command)
{
    pid_t parent = getpid();
    swap_connections();
    command_start(command, shadow.restart);
    *told = (struct told){.end = LOST, .error = -EPIPE}; /* if the feeder is killed */
    feeder = fork();
    if (feeder == 0)
        be_feeder(parent);
    if (feeder < 0)
        command_end();
    swap_connections();
    if (feeder < 0)
        forget();
}

void ahead_begin(void)
{
    int count = shadow.machine_count;
    if (shadow.restart == NULL || feeder != 0)
        return;
    told = mmap(NULL, sizeof *told, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    event = told != MAP_FAILED ? eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK) : -1;
    if (event >= 0)
        start(count == 0 ? NULL : shadow.machines[(shadow.machine + !shadow.stays) % count]);
    else if (told != MAP_FAILED)
        munmap(told, sizeof *told);
}

static void tell(void)
{
    if (write(event, &(uint64_t){1}, sizeof(uint64_t)) < 0)
        shadow_say("eventfd: %s", strerror(errno)); /* cannot be: it is ours */
}

void ahead_more(void)
{
    if (feeder == 0)
        return;
    told->here = shadow.image_size;
    tell();
}

bool ahead_take(void)
{
    if (feeder == 0)
        return false;
    told->whole = true;
    tell();
    feeder_status();
    swap_connections();
    shadow.end = told->end;
    shadow.error = told->error;
    shadow.what = told->what;
    forget();
    return true;
}

void ahead_stop(void)
{
    if (feeder == 0)
        return;
    kill(feeder, SIGKILL);
    feeder_status();
    forget();
    swap_connections();
    kill(shadow.command, SIGTERM); /* it need not say that nothing came */
    command_end();
    swap_connections();
}
