/*
 * shadow.h - ckpt-shadow: what its files share.
 *
 *     shadow.c           the command line
 *     shadow_embryo.c    the job's first image: PROG, before main
 *     shadow_command.c   COMMAND, which runs `restart --remote` on the other machine
 *     shadow_start.c     both sides say hello; the image goes there
 *     shadow_loop.c      frames, signals and heartbeats, as long as the job runs
 *     shadow_ahead.c     it leaves, and the next machine gets the image while it still comes
 *     shadow_again.c     a machine is lost: may its job begin again from the last image?
 *     shadow_keep.c      the job has left: its image goes to a file, too, if somebody asked for that
 *     shadow_end.c       the job has ended, or is lost
 *     shadow_terminal.c  the terminal's settings; and the job stops when it is in the background
 *     serve_call.c       a call that came: checked, made, answered
 */
#ifndef CKPT_SHADOW_H
#define CKPT_SHADOW_H

#include "frame.h"

#include <poll.h>
#include <signal.h>
#include <stdbool.h>
#include <sys/types.h>
#include <time.h>

/* Why a life of the job's ends, as its shadow sees it. */
enum end {
    GOES_ON,
    JOB_ENDED,   /* shadow.status says how */
    JOB_LEFT,    /* it has saved itself; the image is here */
    NOT_STARTED, /* COMMAND ended without a hello */
    LOST,        /* the connection broke: shadow.error */
    SILENT,      /* nothing came for LOST_SECONDS */
    WRONG,       /* what came was no frame, or came at the wrong time: shadow.what */
};

/* To another machine. */
struct connection {
    int in, out;
    pid_t command;
};

struct shadow {
    bool verbose;
    const char *const *machines; /* -e: COMMANDs, none for this machine; which one it is; and RESTART */
    int machine_count, machine;
    const char *restart;
    int messages;  /* our standard error, which the job cannot close */
    int image;     /* the job's last image; and the next, while it comes: */
    int next_image;
    int in, out;   /* the connection */
    int signals;   /* a signalfd(2): those that go to the job */
    pid_t command; /* the process that leads to the other machine */
    sigset_t mask; /* as we were started, for those that we start; and so are these, which the job changes: */
    int folder;    /* the working directory */
    mode_t umask;

    enum end end;
    int status, error;  /* as wait(2) has it; -errno */
    int command_status; /* of COMMAND, when the job did not end; -1: it did not end itself */
    const char *what;

    bool leaving;        /* FRAME_LEAVE is sent, or came: an image may come */
    bool stays;          /* -i: the same machine shall run it then */
    uint64_t image_size; /* the end of what came of it */
    bool call_came;      /* it is in call and call_data */
    bool serving;        /* a call is being made */
    bool abandoned;      /* and the job does not want it any more */
    bool stopped;        /* FRAME_STOPPED came, since somebody waits for it */
    struct frame call;
    char *call_data, *data; /* FRAME_MAX bytes and one more, each */
    unsigned unanswered;    /* PINGs */
    struct timespec next_ping;

    uint64_t calls; /* that were made: the last state of a lost job */
    const char *last_call;
    struct timespec last_time;
};

extern struct shadow shadow; /* there is one */

/* Writes a message, and a newline, to our standard error. */
void shadow_say(const char *format, ...) __attribute__((format(printf, 1, 2)));

/*
 * Text that another machine sent, to our standard error: control characters and all that is too long are left out.
 */
void shadow_pass_on(const char *text, size_t size);

/*
 * Starts `path` with libckpt.so so that it saves itself before main.  Its image is open at shadow.image then, and
 * has no name.  Ends the program with a message if that fails.
 */
void embryo_make(const char *path, char **argv);

/* libckpt.so, restart-static...: what lies beside ckpt-shadow.  The result is malloc'ed. */
char *beside_us(const char *name);

/* Starts COMMAND (NULL: this machine) with RESTART --remote; sets shadow.in, .out and .command. */
void command_start(const char *command, const char *restart);

/* Closes the connection and waits a little until COMMAND ends.  Its status as wait(2) has it; -1: it did not. */
int command_end(void);

/* Closes it, and does not wait: the job has left, and its COMMAND ends while the next one runs it. */
void command_leave(void);

/* SIGCHLD came: has that one ended? */
void command_look(void);

/* Starts the image that we have on shadow.machine.  shadow.end says whether that was possible. */
void life_start(void);

/* The signals that go to the job are held from here on; shadow_loop() passes them on. */
void signals_hold(void);

/*
 * --keep-image: from now on keep_image_now() writes the image that we have to `file`, first under another name.  It
 * says so if that fails, and the job goes on.
 */
void keep_image_in(const char *file);
void keep_image_now(void);

/* -i: how many seconds after its begin a life ends with an image; 0: none does by itself. */
extern unsigned image_interval;

/*
 * A life has ended otherwise than by the job's end.  True: the job begins again from its last image, on the next of
 * `machines`; what has happened since is taken back.  False: shadow_finish().
 */
bool begin_again(int machines, bool force);

/* The job has left, its image is here. */
void image_came(void);

/* Both sides say hello, on the connection that is new.  shadow.end says whether they fit. */
void shadow_hello(int milliseconds); /* to wait for their first byte; -1: as long as it takes */

/*
 * A life ends with an image, and its first bytes are in shadow.next_image: starts the next machine's COMMAND, and
 * sends there what ahead_more() has said is here (shadow.image_size).  If that cannot be, it is sent later.
 */
void ahead_begin(void);
void ahead_more(void);

/*
 * The image is whole and kept: sends the rest of it, but not FRAME_START.  True: the connection is the shadow's
 * now, and shadow.end says how it went.  False: nothing was begun.
 */
bool ahead_take(void);

/* There will be no whole image, or it is of no use. */
void ahead_stop(void);

/* The loop: until the job has ended, has left or is lost. */
enum end shadow_loop(void);

/*
 * One turn of it.  Waits until one of `also` is ready, something came, or `milliseconds` (-1: any) are over, and
 * takes care of what came.  Returns how many of `also` are ready.  For calls that wait: they look at
 * shadow_is_wanted().
 */
int shadow_turn(struct pollfd *also, nfds_t count, int milliseconds);
#define TURN_MOST 1024 /* count */

/* The connection failed with this -errno: SILENT, or LOST. */
void shadow_failed(int error);

/*
 * A write that failed with this result raised a signal in us (SIGPIPE, SIGXFSZ).  It is the job's, and goes there
 * before the answer: so it is there when the call returns.
 */
void shadow_pass_raised(long result);

/* Waits a moment.  True if what did not succeed shall be tried again. */
bool shadow_try_again(void);

/* False when the job has abandoned the call that is being made, or is gone. */
static inline bool shadow_is_wanted(void)
{
    return shadow.end == GOES_ON && !shadow.abandoned;
}

/*
 * The terminal as we were started on it; terminal_restore() puts its settings back if it is still ours to do so.
 * terminal_refused(): has it said, since this was asked last, that we are in the background (SIGTTIN, SIGTTOU)?
 */
void terminal_begin(void);
void terminal_restore(void);
bool terminal_refused(void);

/* Stops the job, and so us.  Returns when it goes on: true if the call that is being made shall be made again. */
bool shadow_stop(void);

/* Says why a life ended that the job did not end.  `command`: as command_end() has it. */
void shadow_say_end(int command);

/* Says how it ended, and ends as the job did. */
__attribute__((noreturn)) void shadow_finish(void);

/* Makes the call that came, and answers it. */
void serve_call(void);

#endif
