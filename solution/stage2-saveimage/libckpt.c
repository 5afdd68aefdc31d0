/*
 * libckpt.c - the library that ckpt preloads: a constructor, a signal handler, and two lives.
 *
 *     Phase 1  the constructor registers the handler and returns
 *     Phase 2  main runs, as if we were not there
 *     Phase 3  SIGUSR2: the handler calls getcontext() and writes the image; the program goes on
 *     Phase 4  (program `restart`) the memory is brought back, and setcontext() is called
 *     Phase 5  getcontext() returns a second time, here; the handler returns at once, into the program
 */
#include "arch_core.h"
#include "checkpoint.h"
#include "ckpt.h"
#include "image_names.h"
#include "library.h"
#include "rseq.h"
#include "start_times.h"
#include "thread_id.h"
#include "vdso_leave.h"
#include "waits.h"
#include "libc.h"

#include <pthread.h>

/* All that the handler needs is ready in static memory: it may not allocate, and the stack may be small. */
static ucontext_t context;
static struct second_life second_life;
static char table_path[PATH_MAX]; /* CKPT_FDFILE, absolute, or "" */
static struct save_request request;
static struct times times;
static char image_name[PATH_MAX];  /* absolute; up to its %p, which stands for the pid */
static char behind_name[PATH_MAX];
static const char *behind_pid;     /* what follows the %p, or NULL: there is none */
static char wish[PATH_MAX + 64];   /* of ckpt --evict */
static char image_path[PATH_MAX + sizeof(struct number)];
static long owner;   /* the process that may write to a name without %p: not its children */
static long seconds; /* between periodic checkpoints; 0: none */
static bool verbose;

/*
 * Tells the two returns of getcontext() apart.  It returns 0 both times.  This is set after getcontext()
 * and before memory is written, so the memory in the image says 1, and so does that of a restart.
 * volatile: it must be read from memory, not remembered in a register from before the jump.
 */
static volatile sig_atomic_t is_restart;

static void *handler_frame; /* of on_checkpoint_signal(): arch_signal_context() */
static volatile sig_atomic_t disabled = 1; /* ckpt_disable() pairs that are open, and one while we start */
static volatile sig_atomic_t postponed;    /* a signal came meanwhile */
static volatile sig_atomic_t last_result;  /* of ckpt_now() */

/* The handler's last act, in both lives: a program that slept, or waited, goes on with it. */
static void go_on_waiting(void)
{
    if (waits_go_on != NULL)
        waits_go_on(arch_signal_context(handler_frame), request.signal);
}

static int write_image(void)
{
    return checkpoint_take(&request, image_path);
}

static int take_checkpoint(void)
{
    struct number pid = text_number((uint64_t)sys_getpid(), 10);
    int error = -EPERM;
    times_start(&times);
    request.live_view = library_live_view;
    request.elsewhere = library_remote_image != NULL && library_remote_image();
    if (vdso_frame != NULL)
        request.interrupted = vdso_frame(arch_signal_context(handler_frame), request.signal);
    text_join(image_path, sizeof image_path, image_name, behind_pid != NULL ? pid.digits : NULL, behind_pid, NULL);
    if (library_image_name != NULL)
        library_image_name(image_path, sizeof image_path);
    if (behind_pid == NULL && sys_getpid() != owner)
        say("libckpt: no checkpoint of a child process: the image's name needs %p (ckpt -o NAME.%p)", NULL);
    else
        error = library_checkpoint != NULL ? library_checkpoint(write_image, &request, image_path) : write_image();
    if (error == 0 && verbose)
        say("libckpt: wrote ", image_path, NULL);
    times_say(&times, "the end", "libckpt: ", "for the checkpoint");
    if (library_saved != NULL)
        library_saved(error);
    if (library_remote_saved != NULL)
        library_remote_saved(error);
    go_on_waiting();
    return error;
}

/* A timer is inherited neither by a restarted process nor by a child; so this is called in each life of each. */
static void start_period(void)
{
    struct sigevent event = {.sigev_notify = SIGEV_SIGNAL, .sigev_signo = request.signal};
    struct itimerspec period = {{seconds, 0}, {seconds, 0}};
    int timer;
    bool mine = behind_pid != NULL || sys_getpid() == owner; /* is there a name for an image of this process? */
    if (seconds != 0 && mine && (sys_call(SYS_timer_create, CLOCK_MONOTONIC, (long)&event, (long)&timer, 0) != 0 ||
                                 sys_call(SYS_timer_settime, timer, 0, (long)&period, 0) != 0))
        say("libckpt: no periodic checkpoints: timer_create(2) or timer_settime(2) failed", NULL);
}

/*
 * Phase 5, first act: restart's last pages go, and this process is its own again.  A program that waits for a key
 * and hears of another window first (SIGWINCH) must wake up, to draw it.
 */
static void begin_second_life(void)
{
    struct sigaction action;
    sigset_t waiting;
    if (sigpending(&waiting) == 0 && sigismember(&waiting, SIGWINCH) && sigaction(SIGWINCH, NULL, &action) == 0 &&
        action.sa_handler != SIG_DFL && action.sa_handler != SIG_IGN && !(action.sa_flags & SA_RESTART))
        arch_interrupt_read(arch_signal_context(handler_frame));
    sys_munmap(second_life.restorer_start, second_life.restorer_size);
    owner = sys_getpid();
    if (library_second_life != NULL)
        library_second_life();
    if (library_remote_life != NULL)
        library_remote_life();
    start_period();
    go_on_waiting();
}

static void on_checkpoint_signal(int signal_number)
{
    handler_frame = __builtin_frame_address(0);
    if (disabled > 0) {
        postponed = 1;
        go_on_waiting();
        return;
    }
    if (vdso_leave != NULL && vdso_leave(arch_signal_context(handler_frame), signal_number, request.signal))
        return; /* and in a moment we are called again */
    //@ step 2.2 Save the registers, then memory; and tell the two lives apart.
    //@ getcontext(&context); if is_restart is set, this is the second life: clear it, begin_second_life(),
    //@ last_result = 1, return at once. Otherwise set is_restart BEFORE memory is written, take the
    //@ checkpoint (last_result = take_checkpoint()), and clear it.
    //@ stub: (void)take_checkpoint, (void)begin_second_life, (void)is_restart;
    getcontext(&context);
    if (is_restart) { /* the second life: phase 5 */
        is_restart = 0;
        begin_second_life();
        last_result = 1;
        return;
    }
    is_restart = 1; /* the first life: phase 3 */
    last_result = take_checkpoint();
    is_restart = 0;
    //@ end
}

/* All signals are blocked while the handler runs: the image must show one moment. */
static void register_handler(void)
{
    //@ step 2.1 Register on_checkpoint_signal for request.signal.
    //@ sigaction(2), with sa_mask full and SA_RESTART, so that an interrupted read() goes on by itself.
    //@ Then unblock the signal (sigprocmask): ckpt blocked it, so that it could not kill before now.
    //@ stub: (void)on_checkpoint_signal;
    struct sigaction action = {.sa_handler = on_checkpoint_signal, .sa_flags = SA_RESTART};
    sigset_t set;
    sigfillset(&action.sa_mask);
    sigaction(request.signal, &action, NULL);
    sigemptyset(&set);
    sigaddset(&set, request.signal);
    sigprocmask(SIG_UNBLOCK, &set, NULL);
    //@ end
}

static long environment_number(const char *name, long otherwise)
{
    const char *value = getenv(name);
    return value == NULL || *value == '\0' ? otherwise : strtol(value, NULL, 10);
}

/* An absolute path, since the program may change its working directory.  Returns where the name begins in it. */
static char *set_path(char to[PATH_MAX], const char *name)
{
    char directory[PATH_MAX] = "";
    if (*name != '/' && *name != '\0' && getcwd(directory, sizeof directory - 1) != NULL)
        strcat(directory, "/");
    text_join(to, PATH_MAX, directory, name, NULL);
    return to + strlen(directory);
}

/* Phase 1.  Runs before main, in every program that is started with LD_PRELOAD=libckpt.so. */
__attribute__((constructor)) static void libckpt_start(void)
{
    owner = environment_number("CKPT_PID", getpid());
    start_times_take(&times, owner == getpid());
    behind_pid = image_name_cut(set_path(image_name, environment("CKPT_IMAGE", "myckpt")), behind_name);
    seconds = environment_number("CKPT_INTERVAL", 0);
    verbose = environment_number("CKPT_VERBOSE", 0) != 0;
    request = (struct save_request){
        .signal = (int)environment_number("CKPT_SIGNAL", SIGUSR2), .full = environment_number("CKPT_FULL", 0) != 0,
        .periodic = seconds != 0, .rseq_address = rseq_find().address, .rseq_size = rseq_find().size, .wish = wish,
        .thread_id = thread_id_find(), .platform = library_platform != NULL ? library_platform() : NULL,
        .context = &context, .setcontext = (uint64_t)setcontext, .second_life = &second_life, .times = &times,
        .is_standard = library_is_standard, .is_own = library_owns, .remote_note = library_remote_note,
        .vdso = vdso_told != NULL ? vdso_told() : NULL, .table_path = table_path, .image_name = image_name};
    if (owner == getpid())
        text_join(wish, sizeof wish, environment("CKPT_EVICT", ""), NULL);
    set_path(table_path, environment("CKPT_FDFILE", ""));
    register_handler();
    if (library_start != NULL)
        library_start(request.signal, owner);
    if (pthread_atfork(NULL, NULL, start_period) == 0) /* fork(2) leaves timers behind */
        start_period();
    times_say(&times, "constructor of libckpt", "libckpt: ", "until main()");
    ckpt_enable(); /* a signal that came since register_handler() had to wait */
    if (library_remote_start != NULL)
        library_remote_start(request.signal);
}

int ckpt_now(void)
{
    last_result = -1;
    request.at_once = true;
    raise(request.signal);
    request.at_once = false;
    return last_result < 0 ? -1 : last_result;
}

void ckpt_disable(void)
{
    disabled++;
}

void ckpt_enable(void)
{
    if (disabled == 0 || --disabled > 0 || !postponed)
        return;
    postponed = 0;
    raise(request.signal);
}
