/*
 * keeper.c - restart --remote, from the first frame to the start of the job:
 *
 *     HELLO      both sides: the same version, machine, page size and list of calls
 *     IMAGE...   to a child, into its memory and a memfd, so that nothing of it is left on this machine
 *     START      it is whole: the child becomes the job, and the keeper passes frames on
 *
 * Nothing but frames is written to standard output; messages go to standard error, which ssh brings home.
 */
#include "keeper.h"
#include "arch.h"
#include "image_arrive.h"
#include "no_image.h"
#include "syscall_stubs.h"

static char data[FRAME_MAX];

/* The next frame; without one there is nothing to do here. */
static struct frame next_frame(void)
{
    struct frame frame;
    watch_sign(); /* there is no PING yet; but the shadow has nothing else to do than to send */
    int got = frame_read(STDIN_FILENO, &frame, data);
    watch_stop();
    if (got == 0)
        watch_lost(EX_TEMPFAIL, "the shadow went away before its job was here");
    if (got < 0)
        watch_lost(got == -EPROTO ? EX_PROTOCOL : EX_TEMPFAIL, "what should be the shadow's frames: %s",
                   strerror(-got));
    return frame;
}

/* Ours is sent whatever theirs says: then both know what is not the same. */
static void hello(void)
{
    const struct hello own = {FRAME_VERSION, ARCH_ELF_MACHINE, ARCH_PAGE_SIZE, CALLS_DIGEST};
    struct hello theirs;
    struct frame frame = next_frame();
    if (frame.kind != FRAME_HELLO || frame.size != sizeof theirs)
        watch_lost(EX_PROTOCOL, "the first frame is no HELLO");
    memcpy(&theirs, data, sizeof theirs);
    frame_write(STDOUT_FILENO, FRAME_HELLO, 0, &own, sizeof own);
    if (theirs.machine != own.machine || theirs.page_size != own.page_size)
        errx(EX_DATAERR, "--remote: this job is of %s with pages of %u bytes; this is " ARCH_MACHINE_NAME
             " with %u", machine_name(theirs.machine), theirs.page_size, own.page_size);
    if (theirs.version != own.version || theirs.calls != own.calls)
        errx(EX_DATAERR, "--remote: ckpt-shadow is another version of the lab: both machines need the same");
}

/* The limit of files' sizes is not meant for the image; the job brings its own. */
static void lift_file_limit(void)
{
    struct rlimit limit;
    if (getrlimit(RLIMIT_FSIZE, &limit) == 0)
        setrlimit(RLIMIT_FSIZE, &(struct rlimit){limit.rlim_max, limit.rlim_max});
}

void receive_image(struct image_arrival *arrival)
{
    lift_file_limit();
    *arrival = image_expect();
    if (arrival->fd < 0)
        err(EX_OSERR, "memfd_create");
    for (;;) {
        const char *why = NULL;
        struct frame frame = next_frame();
        if (frame.kind == FRAME_IMAGE)
            why = image_record(arrival, data, frame.size);
        else if (frame.kind == FRAME_START)
            why = image_whole(arrival, data, frame.size);
        else if (frame.kind == FRAME_PING)
            frame_write(STDOUT_FILENO, FRAME_PONG, 0, NULL, 0);
        else
            why = "there is another frame between those of the image";
        if (why != NULL)
            watch_lost(EX_PROTOCOL, "%s", why);
        if (frame.kind == FRAME_START)
            return;
    }
}

/*
 * What is typed at home comes as FRAME_SIGNAL.  Without -e our terminal is the same, and the signals came twice.
 * The others are as a program expects them that was not started by anybody strange.
 */
static void arrange_signals(void)
{
    static const int ignored[] = {SIGINT, SIGQUIT, SIGTSTP, SIGPIPE}; /* the last: a write says it, too */
    sigset_t none;
    for (size_t i = 0; i < sizeof ignored / sizeof *ignored; i++)
        signal(ignored[i], SIG_IGN);
    signal(SIGCHLD, SIG_DFL); /* ignored, it would leave waitpid(2) nothing to wait for */
    sigemptyset(&none);
    sigprocmask(SIG_SETMASK, &none, NULL);
}

void keep(bool verbose)
{
    if (isatty(STDIN_FILENO))
        errx(EX_USAGE, "--remote: ckpt-shadow starts this; it is not to be typed");
    arrange_signals();
    watch_start(0);
    setsid(); /* the terminal is not ours to read; it fails if sshd has done that */
    hello();
    struct job job = job_start(verbose);
    relay(&job);
}
