/*
 * keeper_fuzz.c - damaged conversations of ckpt-shadow, and of the job, with restart --remote (fuzz.h): all of it, but
 * the start of a job.  The keeper ends by exit(3); here it begins anew.
 */
#include "fuzz.h"

#include "image_arrive.h"
#include "keeper_relay.c"

#include <setjmp.h>

#define FAKE_PID 123456

const struct part *const all_parts[] = {NULL}; /* image_read.c: of other notes it only asks how long they are */

static jmp_buf ended;
static int job_end = -1, in, out, first_free;
static bool alive, is_child;

void __wrap_exit(int status) __attribute__((noreturn));
void __wrap_err(int status, const char *format, ...) __attribute__((noreturn));
void __wrap_errx(int status, const char *format, ...) __attribute__((noreturn));
unsigned __wrap_alarm(unsigned seconds);
int __wrap_kill(pid_t pid, int number);
pid_t __wrap_waitpid(pid_t pid, int *status, int options);
int __wrap_isatty(int fd);
pid_t __real_waitpid(pid_t pid, int *status, int options);
int __real_kill(pid_t pid, int number);

void __wrap_exit(int status)
{
    longjmp(ended, 1 + status);
}

void __wrap_err(int status, const char *format, ...)
{
    wrong("err(%d, %s): %s", status, format, strerror(errno)); /* of the system, not of what came */
}

void __wrap_errx(int status, const char *format, ...)
{
    (void)format;
    longjmp(ended, 1 + status);
}

unsigned __wrap_alarm(unsigned seconds)
{
    return seconds;
}

int __wrap_isatty(int fd)
{
    return fd < 0;
}

int __wrap_kill(pid_t pid, int number)
{
    if (!is_child) /* fuzz.h's */
        return __real_kill(pid, number);
    if (pid != FAKE_PID || number < 1 || number > 64)
        wrong("kill(%d, %d)", (int)pid, number);
    return 0;
}

/* What happens to the job. */
pid_t __wrap_waitpid(pid_t pid, int *status, int options)
{
    static const int all[] = {0, 0x100, 0x2a00, 9, 0x137f, 0xffff};
    if (!is_child)
        return __real_waitpid(pid, status, options);
    if (pid != FAKE_PID || !(options & WNOHANG))
        wrong("waitpid(%d)", (int)pid);
    if (!alive || any(6) != 0)
        return 0;
    *status = ONE_OF(all);
    alive = WIFSTOPPED(*status) || WIFCONTINUED(*status);
    return pid;
}

/* A call as a job makes it, or what is none. */
static void send_as_job(void)
{
    static char data[sizeof(struct frame) + FRAME_MAX + 64];
    struct frame frame = {FRAME_CALL + any(2) * (FRAME_ABANDON - FRAME_CALL), 0, 1 + any(3)};
    size_t size = any(3) == 0 ? any(FRAME_MAX) : sizeof(struct call_head) + any(100);
    frame.size = frame.kind == FRAME_CALL ? (uint32_t)size : 0;
    size = frame.size;
    if (any(3) == 0)
        frame.size = (uint32_t)odd_number();
    if (any(6) == 0)
        frame.kind = FRAME_HELLO + any(FRAME_END - FRAME_HELLO + 1);
    if (any(6) == 0)
        frame.serial = (uint64_t)odd_number();
    memcpy(data, &frame, sizeof frame);
    send(job_end, data, any(8) == 0 ? any(sizeof frame + 1) : sizeof frame + size + (any(8) == 0 ? any(64) : 0),
         MSG_DONTWAIT | MSG_NOSIGNAL);
    progress[1]++;
}

/* The image of a job that leaves, as much of it as a pipe takes: what was recorded of one, damaged. */
static void leave_image(int fd)
{
    fcntl(fd, F_SETFL, O_NONBLOCK);
    for (size_t i = 0; i < recorded_count; i++) {
        struct frame frame = recorded[i].frame;
        bool is_image = frame.kind == FRAME_IMAGE || frame.kind == FRAME_START;
        if (any(40) == 0)
            *((char *)&frame + any(sizeof frame)) ^= (char)(1 << any(8));
        if ((is_image ? any(3) == 0 : any(200) != 0) || write(fd, &frame, sizeof frame) < 0)
            continue;
        if (write(fd, recorded[i].data, any(8) != 0 ? recorded[i].frame.size : any(recorded[i].frame.size + 1)) < 0)
            break;
    }
    close(fd);
}

static struct image_arrival arrival;

struct job job_start(bool verbose)
{
    int pair[2], image[2];
    (void)verbose;
    receive_image(&arrival);
    close(arrival.fd);
    if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, pair) != 0 || pipe2(image, O_CLOEXEC) != 0)
        wrong("socketpair, pipe: %s", strerror(errno));
    job_end = pair[1];
    for (int i = 0; i < 2; i++)
        setsockopt(pair[i], SOL_SOCKET, SO_SNDBUF, &(int){4 * FRAME_MAX}, sizeof(int));
    struct job job = {FAKE_PID, pair[0], image[0]};
    leave_image(image[1]);
    for (uint32_t n = any(4); n > 0; n--)
        send_as_job();
    if (any(4) == 0)
        close(job_end);
    return job;
}

/* What was received in its place would be in the way of the next. */
static void free_places(void)
{
    for (size_t i = 0; i < arrival.place_count; i++)
        munmap(arrival.places[i].to, arrival.places[i].size);
    arrival.place_count = 0;
}

static void add_random(void)
{
    static const uint32_t kinds[] = {FRAME_RESULT, FRAME_RESULT, FRAME_NOT_DONE, FRAME_SIGNAL, FRAME_SIGNAL, FRAME_LEAVE,
                                     FRAME_PING};
    int64_t numbers[2] = {odd_number(), odd_number()};
    int32_t number = any(4) == 0 ? (int32_t)odd_number() : (int32_t)any(66);
    uint32_t kind = ONE_OF(kinds);
    if (kind == FRAME_RESULT)
        add_message(kind, 1 + any(3), numbers, sizeof numbers);
    else if (kind == FRAME_SIGNAL)
        add_message(kind, 0, &number, sizeof number);
    else
        add_message(kind, kind == FRAME_NOT_DONE ? 1 : 0, NULL, 0);
}

/* HELLO, an image and its end, as they were recorded; then what the shadow may send, and more. */
static void make_conversation(void)
{
    size_t start = 0;
    while (start < recorded_count && recorded[start].frame.kind != FRAME_START)
        start++;
    for (size_t i = any(20) == 0; i <= start && i < recorded_count; i++)
        if (recorded[i].frame.kind != FRAME_IMAGE || any(2))
            add_message(recorded[i].frame.kind, 0, recorded[i].data, recorded[i].frame.size);
    size_t fine = message_count, at = recorded_count > 0 ? any((uint32_t)recorded_count) : 0;
    for (uint32_t n = any(12); n > 0; n--, at++)
        if (any(2) && at < recorded_count)
            add_message(recorded[at].frame.kind, recorded[at].frame.serial, recorded[at].data, recorded[at].frame.size);
        else
            add_random();
    size_t from = any(4) != 0 && fine < message_count ? fine : 0; /* most are behind the image */
    for (uint32_t damage = 1 + any(3); damage > 0 && message_count > from; damage--) {
        damage_message(&messages[from + any((uint32_t)(message_count - from))]);
        progress[1]++;
    }
    make_stream();
}

static void try(void)
{
    leaving = stopped = false;
    alive = true;
    make_conversation();
    rewind_file(in, stream, stream_size);
    rewind_file(out, "", 0);
    dup2(in, STDIN_FILENO);
    dup2(out, STDOUT_FILENO);
    int how = setjmp(ended);
    if (how == 0)
        keep(false);
    int status = how - 1;
    fflush(stderr);
    free_places();
    if (status != EX_OK && status != EX_TEMPFAIL && status != EX_PROTOCOL && status != EX_DATAERR)
        wrong("exit status %d", status);
    if (written_frames(out, NULL) < 0)
        wrong("what goes home are no frames");
    close_range((unsigned)first_free, REPORT - 1, 0);
}

static void begin(uint64_t chunk)
{
    (void)chunk;
    is_child = true;
    in = memfd_create("in", MFD_CLOEXEC);
    out = memfd_create("out", MFD_CLOEXEC);
    int null = open("/dev/null", O_RDWR);
    dup2(null, STDERR_FILENO);
    close(null);
    first_free = fcntl(in, F_DUPFD_CLOEXEC, 3);
    close(first_free);
}

int main(int argc, char **argv)
{
    if (argc < 5)
        return EX_USAGE;
    for (int i = 5; i < argc; i++)
        load(argv[i]);
    return run(argv, begin, try);
}
