/*
 * fuzz.h - what the three fuzzers have in common: numbers that can be had again, conversations that are damaged, and
 * a parent that sees a crash or a hang and says how to repeat it.
 *
 *     shadow_fuzz.c   what the job's side sends, to ckpt-shadow
 *     keeper_fuzz.c   what the shadow and the job send, to restart --remote
 *     job_fuzz.c      what the keeper sends, to the job
 *
 * Arguments: FOLDER SEED FIRST COUNT [RECORDING]...  Number N of a seed is always the same.  No process is started for
 * one: a child takes CHUNK of them, one after the other.
 */
#include "frame.h"
#include "libc.h"

#include <sanitizer/common_interface_defs.h>
#include <sys/wait.h>

#define CHUNK 1000
#define REPORT 1000       /* a descriptor */
#define SILENT_SECONDS 30 /* without any progress: it hangs */

static uint64_t state;

static inline uint32_t any(uint32_t below)
{
    state = state * 6364136223846793005ULL + 1442695040888963407ULL;
    return (uint32_t)(state >> 33) % below;
}

#define ONE_OF(array) ((array)[any(sizeof(array) / sizeof *(array))])

/* Numbers at the edges of what programs believe. */
static inline int64_t odd_number(void)
{
    static const int64_t odd[] = {0, 1, 2, 3, 7, 8, 15, 16, 80, 255, 4095, 4096, 65535, 65536, 65537, 81920, 81921, 1 << 20,
                                  INT32_MAX, INT32_MIN, UINT32_MAX, 1LL << 32, INT64_MAX, INT64_MIN, -1, -2, -100, -4095,
                                  -4096, -0x10000, -0x10001};
    return ONE_OF(odd);
}

/* --- Frames --- */

/* A frame, and its bytes. */
struct letter {
    struct frame frame;
    char *data; /* frame.size bytes; in a recording, or in `pool` */
};

static struct letter *recorded;
static size_t recorded_count;

/* What went one way between real machines.  Of its image only the first bytes of the first records are kept. */
static inline void load(const char *path)
{
    struct frame frame;
    static char data[FRAME_MAX];
    int images = 0, fd = open(path, O_RDONLY | O_CLOEXEC);
    if (fd < 0)
        err(1, "%s", path);
    while (frame_read(fd, &frame, data) == 1) {
        if (frame.kind == FRAME_IMAGE && images++ >= 3)
            continue;
        if (frame.kind == FRAME_IMAGE && frame.size > 8192)
            frame.size = 8192;
        recorded = realloc(recorded, (recorded_count + 1) * sizeof *recorded);
        recorded[recorded_count++] = (struct letter){frame, memcpy(malloc(frame.size + 1), data, frame.size)};
    }
    close(fd);
}

#define MESSAGES_MOST 64
static struct letter messages[MESSAGES_MOST];
static size_t message_count;
static char pool[1 << 20];
static size_t pool_used;

static inline char *room_for(size_t size)
{
    size_t at = pool_used;
    pool_used += (size + 15) & ~15UL;
    return pool_used <= sizeof pool ? pool + at : NULL;
}

/* Adds a copy, which can be damaged. */
static inline struct letter *add_message(uint32_t kind, uint64_t serial, const void *data, size_t size)
{
    char *copy = message_count < MESSAGES_MOST ? room_for(size) : NULL;
    if (copy == NULL)
        return NULL;
    if (size != 0)
        memcpy(copy, data, size);
    messages[message_count] = (struct letter){{kind, (uint32_t)size, serial}, copy};
    return &messages[message_count++];
}

/* Damage to what a message says: its head stays that of a frame, so that what it says is looked at. */
static inline void damage_inside(struct letter *m)
{
    size_t size = m->frame.size;
    if (size == 0)
        return;
    size_t at = any(4) == 0 ? any((uint32_t)size) : any((uint32_t)(size < 160 ? size : 160)); /* the head, more often */
    int64_t number = odd_number();
    switch (any(4)) {
    case 0: m->data[at] ^= (char)(1 << any(8)); break;
    case 1: m->data[at] = (char)any(256); break;
    case 2: memcpy(m->data + (at & ~3UL), &number, (at & ~3UL) + 4 <= size ? 4 : 0); break;
    default: memcpy(m->data + (at & ~7UL), &number, (at & ~7UL) + 8 <= size ? 8 : 0);
    }
}

/* Fewer or more bytes than there should be; and more than any frame has, all of them there. */
static inline void damage_size(struct letter *m)
{
    size_t size = any(8) == 0 ? FRAME_MAX + any(5000) : any(3) == 0 ? any(FRAME_MAX) : any(2) ? any(m->frame.size + 1) : m->frame.size + any(64);
    char *data = room_for(size);
    if (data == NULL)
        return;
    memset(data, 'A', size);
    memcpy(data, m->data, size < m->frame.size ? size : m->frame.size);
    *m = (struct letter){{m->frame.kind, (uint32_t)size, m->frame.serial}, data};
}

static inline void damage_message(struct letter *m)
{
    switch (any(8)) {
    case 0: m->frame.serial = any(2) ? (uint64_t)odd_number() : m->frame.serial + 1; break;
    case 1: m->frame.kind = FRAME_HELLO + any(FRAME_END - FRAME_HELLO + 1); break;
    case 2: damage_size(m); break;
    case 3: { /* twice, or in another order */
        struct letter *other = &messages[any((uint32_t)message_count)], copy = *other;
        *other = *m;
        *m = any(2) ? copy : *m;
        break;
    }
    default: damage_inside(m);
    }
}

static char stream[1 << 21];
static size_t stream_size;

/* The messages, one behind the other; and damage to that, which makes of frames what is none. */
static inline void make_stream(void)
{
    stream_size = 0;
    for (size_t i = 0; i < message_count; i++) {
        memcpy(stream + stream_size, &messages[i].frame, sizeof(struct frame));
        memcpy(stream + stream_size + sizeof(struct frame), messages[i].data, messages[i].frame.size);
        stream_size += sizeof(struct frame) + messages[i].frame.size;
    }
    if (stream_size == 0 || any(4) != 0)
        return;
    size_t at = any((uint32_t)stream_size);
    switch (any(3)) {
    case 0: stream[at] ^= (char)(1 << any(8)); break;
    case 1: stream_size = at; break;
    default:
        for (size_t i = at; i < stream_size && i < at + any(32); i++)
            stream[i] = (char)any(256);
    }
}

/* Is all that was written to fd frames?  Each goes to `look`, which may be NULL.  How many; or -1. */
static inline int written_frames(int fd, void (*look)(const struct frame *, const char *))
{
    static char data[FRAME_MAX];
    struct frame frame;
    int count = 0, got;
    lseek(fd, 0, SEEK_SET);
    while ((got = frame_read(fd, &frame, data)) == 1) {
        count++;
        if (look != NULL)
            look(&frame, data);
    }
    return got == 0 ? count : -1;
}

/* A file of bytes that can be read and written as if it were a connection. */
static inline void rewind_file(int fd, const void *bytes, size_t size)
{
    if (ftruncate(fd, 0) != 0 || pwrite(fd, bytes, size, 0) != (ssize_t)size || lseek(fd, 0, SEEK_SET) != 0)
        err(1, "a file in memory");
}

/* --- The parent --- */

static int report = STDERR_FILENO;  /* where it is said, also by ASan, whatever becomes of standard error */
static volatile uint64_t *progress; /* shared: [0] the number that is tried now, [1] how many had damage */

static __attribute__((noreturn, format(printf, 1, 2))) void wrong(const char *format, ...)
{
    va_list list;
    va_start(list, format);
    dprintf(report, "number %" PRIu64 ": ", progress[0]);
    vdprintf(report, format, list);
    dprintf(report, "\n");
    _exit(3);
}

/* Waits for the child; -1: it hangs. */
static inline int chunk_status(pid_t pid)
{
    uint64_t seen = 0;
    int status;
    for (int turns = 0; turns < SILENT_SECONDS * 100; turns++) {
        if (waitpid(pid, &status, WNOHANG) == pid)
            return status;
        if (progress[0] != seen)
            turns = 0;
        seen = progress[0];
        nanosleep(&(struct timespec){0, 10000000}, NULL);
    }
    kill(pid, SIGKILL);
    waitpid(pid, &status, 0);
    return -1;
}

/* All numbers.  begin() is called once in each child, and try() with each number. */
static inline int run(char **argv, void (*begin)(uint64_t chunk), void (*try)(void))
{
    uint64_t seed = strtoul(argv[2], NULL, 10), first = strtoul(argv[3], NULL, 10), count = strtoul(argv[4], NULL, 10);
    progress = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    report = fcntl(STDERR_FILENO, F_DUPFD_CLOEXEC, REPORT);
    printf("seed %" PRIu64 "\n", seed);
    for (uint64_t at = first; at < first + count; at += CHUNK) {
        fflush(NULL);
        pid_t pid = fork();
        if (pid == 0) {
            __sanitizer_set_report_fd((void *)(long)report); /* it forgets that at fork(2) */
            begin(at);
            for (uint64_t i = at; i < at + CHUNK && i < first + count; i++) {
                progress[0] = i;
                state = (seed * 0x9e3779b97f4a7c15ULL) ^ (i * 2654435761U + 1);
                any(2), any(2);
                message_count = pool_used = 0;
                try();
            }
            _exit(0);
        }
        int status = chunk_status(pid);
        if (status != 0) {
            printf("%s (status %#x); again: SEED %" PRIu64 " FIRST %" PRIu64 " COUNT 1\n",
                   status == -1 ? "hangs" : "wrong", status, seed, progress[0]);
            return 1;
        }
        if ((at - first) % (10 * CHUNK) == 0)
            fprintf(stderr, "%" PRIu64 " of %" PRIu64 "\n", at - first, count);
    }
    printf("%" PRIu64 " conversations, %" PRIu64 " damaged messages\n", count, progress[1]);
    return 0;
}
