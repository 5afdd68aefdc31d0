/*
 * shadow_fuzz.c - damaged conversations, one per child: FOLDER FIRST COUNT.  Linked with the shadow's own files, but its
 * main().  Of each child only three ends are right: the job's, and a connection that broke or was wrong.
 *
 * The job may use FOLDER alone, and the test makes all else read-only: what is tried here is to get out.
 */
#include "libc.h"
#include "serve_paths.h"
#include "shadow.h"
#include "syscall_stubs.h"

#include <sys/wait.h>

static uint64_t state;

static uint32_t any(uint32_t below)
{
    state = state * 6364136223846793005ULL + 1442695040888963407ULL;
    return (uint32_t)(state >> 33) % below;
}

static char conversation[1 << 15];
static size_t length;

static void add(const void *data, size_t size)
{
    if (size != 0)
        memcpy(conversation + length, data, size);
    length += size;
}

static void add_frame(uint32_t kind, uint64_t serial, const void *data, size_t size)
{
    struct frame frame = {kind, (uint32_t)size, serial};
    add(&frame, sizeof frame);
    add(data, size);
}

/* A call with arguments that are right for some call, and strings where the bits of `texts` say so. */
static void add_call(uint64_t serial)
{
    static const char *const paths[] = {"file", "folder/../file", "/etc/passwd", "out", "/proc/self/fd/3", "../..", "link/"};
    static const int64_t numbers[] = {AT_FDCWD, 0, 1, 2, 3, 4, 5, 8, 64, 4096, 65536, -1, INT64_MAX, O_CREAT | O_RDWR};
    char data[sizeof(struct call_head) + 6 * 64] = {0};
    struct call_head *head = (struct call_head *)data;
    size_t size = sizeof *head;
    head->call = any(CALL_COUNT);
    if (head->call == CALL_sync || head->call == CALL_syncfs) /* it would wait for the disk of everybody */
        head->call = CALL_read;
    head->flags = any(4) != 0 ? CALL_NO_WAIT : 0; /* few wait */
    for (int i = 0; i < CALL_ARGUMENTS; i++) {
        head->arguments[i] = numbers[any(sizeof numbers / sizeof *numbers)];
        if (any(2) == 0) {
            const char *path = paths[any(sizeof paths / sizeof *paths)];
            head->arguments[i] = 1;
            head->in_size[i] = any(2) ? (uint32_t)strlen(path) + 1 : any(7) * 8;
            memcpy(data + size, path, strlen(path));
            size += head->in_size[i];
        }
    }
    add_frame(FRAME_CALL, serial, data, size);
}

static void make_conversation(void)
{
    uint32_t calls = 1 + any(12);
    length = 0;
    for (uint32_t i = 1; i <= calls; i++) {
        add_call(i);
        if (any(4) == 0)
            add_frame(FRAME_ABANDON, i, NULL, 0);
        if (any(8) == 0)
            add_frame(FRAME_MESSAGE, 0, "\033[m", 3);
    }
    add_frame(FRAME_ENDED, 0, &(int32_t){0}, sizeof(int32_t));
    for (uint32_t damage = any(4); damage > 0; damage--)
        switch (any(3)) {
        case 0: conversation[any((uint32_t)length)] ^= (char)(1 << any(8)); break;
        case 1: conversation[any((uint32_t)length)] = (char)any(256); break;
        default: length = 1 + any((uint32_t)length); break;
        }
}

static void child(void)
{
    int there[2], back[2];
    if (pipe2(there, O_CLOEXEC) != 0 || pipe2(back, O_CLOEXEC | O_NONBLOCK) != 0)
        _exit(1);
    if (write(there[1], conversation, length) != (ssize_t)length)
        _exit(1);
    close(there[1]);
    fcntl(back[1], F_SETPIPE_SZ, 1 << 20);
    dup2(shadow.messages, STDOUT_FILENO);
    shadow.in = there[0];
    shadow.out = back[1];
    clock_gettime(CLOCK_MONOTONIC, &shadow.next_ping);
    shadow.next_ping.tv_sec += HEARTBEAT_SECONDS;
    alarm(20);
    enum end end = shadow_loop();
    _exit(end == JOB_ENDED || end == LOST || end == WRONG || end == SILENT ? 0 : 2);
}

int main(int argc, char **argv)
{
    if (argc != 4 || chdir(argv[1]) != 0)
        return EX_USAGE;
    serve_start();
    shadow.messages = open("/dev/null", O_WRONLY | O_CLOEXEC);
    shadow.data = malloc(FRAME_MAX + 1);
    shadow.call_data = malloc(FRAME_MAX + 1);
    signal(SIGPIPE, SIG_IGN);
    signals_hold();
    allow_add(".", true);
    uint64_t first = strtoul(argv[2], NULL, 10), count = strtoul(argv[3], NULL, 10);
    for (uint64_t seed = first; seed < first + count; seed++) {
        int status;
        state = seed * 2654435761U + 1;
        make_conversation();
        pid_t pid = fork();
        if (pid == 0)
            child();
        if (waitpid(pid, &status, 0) != pid || status != 0) {
            printf("seed %" PRIu64 ": status %#x\n", seed, status);
            return 1;
        }
    }
    return 0;
}
