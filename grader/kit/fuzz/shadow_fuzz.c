/*
 * shadow_fuzz.c - damaged conversations of the job's side with ckpt-shadow (fuzz.h).  Linked with the shadow's own
 * files, but its main().  Of each only four ends are right: the job's, one that broke, is silent, or was wrong.
 *
 * FOLDER/home is all that the job may change; FOLDER/outside has a secret, which must not come back, and the test looks
 * at what becomes of it.
 */
#include "fuzz.h"
#include "serve_paths.h"
#include "shadow.h"
#include "syscall_stubs.h"

#define SECRET "nobody may read this"

static const char *arena;
static int home, in, out, first_number, recorded_base = INT_MAX;

/* The real ones would stop us, or wait for the disks of everybody. */
int __wrap_raise(int number);
int __wrap_fsync(int fd);
int __wrap_fdatasync(int fd);
int __wrap_syncfs(int fd);
void __wrap_sync(void);

int __wrap_raise(int number)
{
    return number == SIGSTOP ? 0 : -1;
}

int __wrap_fsync(int fd)
{
    return fcntl(fd, F_GETFD) >= 0 ? 0 : -1;
}

int __wrap_fdatasync(int fd)
{
    return __wrap_fsync(fd);
}

int __wrap_syncfs(int fd)
{
    return __wrap_fsync(fd);
}

void __wrap_sync(void) {}

/* A call with arguments that are right for some call, and strings where pointers may be. */
static void add_call(uint64_t serial)
{
    static const char *const paths[] = {"file", "folder/../file", "/etc/passwd", "out", "/proc/self/fd/3", "../..", "link/",
                                        "../../outside/secret", "folder/out/secret", "/proc/self/mem", "new", ".", "/"};
    const int64_t numbers[] = {AT_FDCWD, 0, first_number, first_number, first_number + 1, first_number + 2, 64, 4096,
                               O_CREAT | O_RDWR, O_DIRECTORY};
    char data[sizeof(struct call_head) + 6 * 128] = {0};
    struct call_head *head = (struct call_head *)data;
    size_t size = sizeof *head;
    head->call = any(CALL_COUNT);
    head->flags = any(4) != 0 ? CALL_NO_WAIT : 0; /* few wait */
    for (int i = 0; i < CALL_ARGUMENTS; i++) {
        head->arguments[i] = any(4) == 0 ? odd_number() : ONE_OF(numbers);
        if (any(2) == 0) {
            const char *path = ONE_OF(paths);
            head->arguments[i] = 1;
            head->in_size[i] = any(4) ? (uint32_t)strlen(path) + 1 : any(8) * 8;
            memcpy(data + size, path, strlen(path));
            size += head->in_size[i];
        }
    }
    add_message(FRAME_CALL, serial, data, size);
}

/* What a recorded one calls its first file may have another number here. */
static void move_numbers(struct letter *m)
{
    struct call_head *head = (struct call_head *)m->data;
    if (m->frame.kind == FRAME_CALL && head->in_size[0] == 0 && head->arguments[0] >= recorded_base &&
        head->arguments[0] < recorded_base + 64)
        head->arguments[0] += first_number - recorded_base;
}

/* Some that follow each other in a recording, with serials from 1 on. */
static void add_recorded(void)
{
    size_t at = any((uint32_t)recorded_count), count = 1 + any(12);
    uint64_t before = 0;
    for (size_t i = at; i < at + count && i < recorded_count; i++) {
        const struct letter *r = &recorded[i];
        if (before == 0 && r->frame.serial != 0)
            before = r->frame.serial;
        uint64_t serial = r->frame.serial == 0 ? 0 : r->frame.serial - before + 1;
        struct letter *m = add_message(r->frame.kind, serial, r->data, r->frame.size);
        if (m != NULL)
            move_numbers(m);
    }
}

static void make_conversation(void)
{
    if (recorded_count != 0 && any(2))
        add_recorded();
    else
        for (uint32_t i = 1, calls = 1 + any(12); i <= calls; i++) {
            add_call(i);
            if (any(4) == 0)
                add_message(FRAME_ABANDON, i, NULL, 0);
            if (any(16) == 0)
                add_message(FRAME_HELLO + any(FRAME_END - FRAME_HELLO), 0, "\033[m     ", any(2) ? 4 : 8);
        }
    for (uint32_t damage = 1 + any(3); damage > 0 && message_count > 0; damage--) {
        damage_message(&messages[any((uint32_t)message_count)]);
        progress[1]++;
    }
    add_message(FRAME_ENDED, 0, &(int32_t){0}, sizeof(int32_t));
    make_stream();
}

static int answers;
static uint64_t last_answer;
static uint64_t secret[2]; /* its device and inode, as a struct stat begins */

/* There is one answer to each call, in their order. */
static void look(const struct frame *frame, const char *data)
{
    bool is_answer = frame->kind == FRAME_RESULT || frame->kind == FRAME_NOT_DONE;
    if (is_answer && frame->serial <= last_answer)
        wrong("call %" PRIu64 " is answered behind %" PRIu64, frame->serial, last_answer);
    last_answer = is_answer ? frame->serial : last_answer;
    answers += is_answer;
    if (memmem(data, frame->size, secret, sizeof secret) != NULL)
        wrong("the secret was looked at");
    if (memmem(data, frame->size, SECRET, strlen(SECRET)) != NULL)
        wrong("the secret came back");
}

/* As a shadow is before its job's first call. */
static void begin_life(void)
{
    for (int fd = 0; fd < 4096; fd++)
        if (fd > STDERR_FILENO ? job_has(fd) : !job_has(fd))
            fd > STDERR_FILENO ? job_remove(fd) : (void)job_add(fd, false);
    if (fchmod(home, 0777) != 0 || fchdir(home) != 0)
        wrong("no way home");
    umask(022);
    shadow.end = GOES_ON;
    shadow.call_came = shadow.abandoned = shadow.serving = false;
    shadow.call.serial = 0;
    shadow.unanswered = 0;
    shadow.leaving = any(4) == 0;
    shadow.image_size = 0;
    if (ftruncate(shadow.image, 0) != 0)
        wrong("the image");
    clock_gettime(CLOCK_MONOTONIC, &shadow.next_ping);
    shadow.next_ping.tv_sec += HEARTBEAT_SECONDS;
}

static void try(void)
{
    begin_life();
    make_conversation();
    rewind_file(in, stream, stream_size);
    rewind_file(out, "", 0);
    shadow.in = in;
    shadow.out = out;
    enum end end = shadow_loop();
    if (end != JOB_ENDED && end != JOB_LEFT && end != LOST && end != WRONG && end != SILENT)
        wrong("end %d", end);
    answers = 0;
    last_answer = 0;
    if (written_frames(out, look) < 0 || answers > (int)message_count)
        wrong("%d answers", answers);
}

/* A home of this child's own, so that what others have made of theirs does not count. */
static void make_home(uint64_t chunk)
{
    char path[PATH_MAX];
    snprintf(path, sizeof path, "%s/home/%" PRIu64, arena, chunk);
    if (mkdir(path, 0777) != 0 || chdir(path) != 0)
        err(1, "%s", path);
    if (mkdir("folder", 0777) != 0 || symlink("folder", "link") != 0 || symlink("../../outside/secret", "out") != 0 ||
        symlink("../../../outside", "folder/out") != 0)
        err(1, "%s", path);
    int file = open("file", O_CREAT | O_WRONLY, 0666);
    if (file < 0 || write(file, "one\ntwo\nthree\n", 14) != 14 || close(file) != 0)
        err(1, "%s", path);
}

static void begin(uint64_t chunk)
{
    struct rlimit most = {1 << 20, 1 << 20};
    struct stat st;
    make_home(chunk);
    if (stat("../../outside/secret", &st) != 0)
        err(1, "the secret");
    secret[0] = st.st_dev;
    secret[1] = st.st_ino;
    setrlimit(RLIMIT_FSIZE, &most);
    signal(SIGXFSZ, SIG_IGN);
    signal(SIGPIPE, SIG_IGN);
    home = open(".", O_RDONLY | O_CLOEXEC);
    in = memfd_create("in", MFD_CLOEXEC);
    out = memfd_create("out", MFD_CLOEXEC);
    shadow.image = memfd_create("image", MFD_CLOEXEC);
    shadow.messages = open("/dev/null", O_WRONLY | O_CLOEXEC);
    shadow.data = malloc(FRAME_MAX + 1);
    shadow.call_data = malloc(FRAME_MAX + 1);
    signals_hold();
    allow_for(NULL, NULL); /* what the system has can be read; the test has it read-only */
    first_number = fcntl(home, F_DUPFD_CLOEXEC, 3);
    close(first_number);
    int null = open("/dev/null", O_RDWR);
    for (int fd = 0; fd <= STDERR_FILENO; fd++) /* the job writes there */
        dup2(null, fd);
    close(null);
}

int main(int argc, char **argv)
{
    if (argc < 5)
        return EX_USAGE;
    arena = argv[1];
    serve_start();
    for (int i = 5; i < argc; i++)
        load(argv[i]);
    for (size_t i = 0; i < recorded_count; i++) {
        const struct call_head *head = (const struct call_head *)recorded[i].data;
        if (recorded[i].frame.kind == FRAME_CALL && head->in_size[0] == 0 &&
            (head->call == CALL_read || head->call == CALL_fstat || head->call == CALL_lseek) &&
            head->arguments[0] > STDERR_FILENO && head->arguments[0] < recorded_base)
            recorded_base = (int)head->arguments[0];
    }
    return run(argv, begin, try);
}
