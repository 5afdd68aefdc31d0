/*
 * libckpt.c - the library that ckpt preloads: a constructor, a signal handler, and two lives.
 *
 *     Phase 1  the constructor registers the handler and returns
 *     Phase 2  main runs, as if we were not there
 *     Phase 3  SIGUSR2: the handler calls getcontext() and writes the image; the program goes on
 *     Phase 4  (program `restart`) the memory is brought back, and setcontext() is called
 *     Phase 5  getcontext() returns a second time, here; the handler returns at once, into the program
 */
#include "ckpt.h"
#include "checkpoint.h"
#include "rseq.h"
#include "sys.h"

#include <errno.h>
#include <limits.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <ucontext.h>
#include <unistd.h>

/* Everything the handler needs is ready in static memory: it may not allocate. */
static struct save_request request = {.signal = SIGUSR2};
static char image_pattern[PATH_MAX]; /* absolute; %p stands for the pid */
static bool pattern_has_pid;
static pid_t owner; /* the process that may write to a name without %p: not its children */
static unsigned seconds; /* between periodic checkpoints; 0: none */
static bool verbose;

static ucontext_t context;
static struct second_life second_life;

/*
 * Tells the two returns of getcontext() apart.  It returns 0 both times.  It is set after getcontext()
 * and before memory is written, so the memory in the image says 1, and so does that of a restart.
 * volatile: it must be read from memory, not remembered in a register from before the jump.
 */
static volatile sig_atomic_t is_restart;

static volatile sig_atomic_t disabled; /* ckpt_disable() pairs that are open */
static volatile sig_atomic_t postponed; /* a signal came meanwhile */
static volatile sig_atomic_t last_result;

/* Copies the pattern to `path`, %p replaced by the pid.  Returns false if it becomes too long. */
static bool image_path(char path[PATH_MAX])
{
    struct out pid;
    size_t length = 0;
    out_init(&pid, -1);
    out_printf(&pid, "%ld", sys_getpid());
    for (const char *from = image_pattern; *from != '\0'; from++) {
        bool is_pid = strncmp(from, "%p", 2) == 0;
        const char *piece = is_pid ? out_text(&pid) : from;
        size_t size = is_pid ? pid.length : 1;
        if (length + size >= PATH_MAX)
            return false;
        memcpy(path + length, piece, size);
        length += size;
        from += is_pid;
    }
    path[length] = '\0';
    return true;
}

static int take_checkpoint(void)
{
    static char path[PATH_MAX]; /* not on the stack: it may be a small one */
    if (sys_getpid() != owner && !pattern_has_pid) {
        out_complain("libckpt", "no checkpoint of a child process", "the image's name needs %p: ckpt -o NAME.%p");
        return -EPERM;
    }
    if (!image_path(path)) {
        out_complain("libckpt", image_pattern, out_error_text(ENAMETOOLONG));
        return -ENAMETOOLONG;
    }
    int error = checkpoint_take(&request, path);
    if (error == 0 && verbose)
        out_complain("libckpt", "wrote", path);
    return error;
}

/* A timer is not inherited by a restarted process; so this is called in each life. */
static void start_period(void)
{
    struct sigevent event = {.sigev_notify = SIGEV_SIGNAL, .sigev_signo = request.signal};
    struct itimerspec period = {{seconds, 0}, {seconds, 0}};
    int timer;
    if (seconds == 0)
        return;
    long error = sys_call(SYS_timer_create, CLOCK_MONOTONIC, (long)&event, (long)&timer, 0);
    if (error == 0)
        error = sys_call(SYS_timer_settime, timer, 0, (long)&period, 0);
    if (error != 0)
        out_complain("libckpt", "no periodic checkpoints", out_error_text(-error));
}

/* Phase 5, first act: restart's last pages go, and this process is its own again. */
static void begin_second_life(void)
{
    sys_munmap(second_life.restorer_start, second_life.restorer_size);
    owner = (pid_t)sys_getpid();
    start_period();
    if (verbose)
        out_complain("libckpt", "restarted", NULL);
}

static void on_checkpoint_signal(int signal_number)
{
    (void)signal_number;
    if (disabled > 0) {
        postponed = 1;
        return;
    }
    //@ step 2.2 Save the registers, then memory; and tell the two lives apart.
    //@ getcontext(&context); if is_restart is set, this is the second life: clear it, begin_second_life(),
    //@ last_result = 1, return at once. Otherwise set is_restart BEFORE memory is written, take the
    //@ checkpoint (last_result = take_checkpoint()), and clear it.
    //@ stub: (void)take_checkpoint, (void)begin_second_life, (void)is_restart, (void)context;
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

/* Absolute, since the program may change its working directory. */
static void set_image_pattern(void)
{
    const char *name = getenv("CKPT_IMAGE");
    size_t length = 0;
    if (name == NULL || *name == '\0')
        name = "myckpt";
    if (*name != '/' && getcwd(image_pattern, sizeof image_pattern - 1) != NULL) {
        length = strlen(image_pattern);
        image_pattern[length++] = '/';
    }
    if (length + strlen(name) >= sizeof image_pattern)
        out_complain("libckpt", name, out_error_text(ENAMETOOLONG));
    else
        memcpy(image_pattern + length, name, strlen(name) + 1);
    pattern_has_pid = strstr(image_pattern, "%p") != NULL;
}

/* Phase 1.  Runs before main, in every program that is started with LD_PRELOAD=libckpt.so. */
__attribute__((constructor)) static void libckpt_start(void)
{
    struct rseq_place rseq = rseq_find();
    request.signal = (int)environment_number("CKPT_SIGNAL", SIGUSR2);
    request.full = environment_number("CKPT_FULL", 0) != 0;
    request.rseq_address = rseq.address;
    request.rseq_size = rseq.size;
    request.context = &context;
    request.setcontext = (uint64_t)setcontext;
    request.second_life = &second_life;
    owner = (pid_t)environment_number("CKPT_PID", getpid());
    seconds = getpid() == owner ? (unsigned)environment_number("CKPT_INTERVAL", 0) : 0;
    request.periodic = seconds != 0;
    verbose = environment_number("CKPT_VERBOSE", 0) != 0;
    set_image_pattern();
    register_handler();
    start_period();
}

#define PUBLIC __attribute__((visibility("default")))

PUBLIC int ckpt_now(void)
{
    last_result = -1;
    raise(request.signal);
    return last_result < 0 ? -1 : last_result;
}

PUBLIC void ckpt_disable(void)
{
    disabled++;
}

PUBLIC void ckpt_enable(void)
{
    if (disabled == 0 || --disabled > 0 || !postponed)
        return;
    postponed = 0;
    raise(request.signal);
}
