/*
 * job_fuzz.c - damaged answers to a job's calls (fuzz.h): what the keeper sends, with remote_call.c, the table and the
 * stubs, in a process that is no job.  What ends a job begins anew here.
 *
 * The kernel writes what comes out straight into the program's memory, where ASan does not look.  So all of it has a
 * pattern, and what no call was allowed to change must still have it.  And of each answer that the job takes this file
 * asks for itself whether it is one.
 */
#include "fuzz.h"

#include "sys.h"

static _Noreturn void job_ends(void);
#define sys_exit(status) job_ends()
#include "remote_call.c"
#undef sys_exit

#include "remote.h"
#include "remote_table.h"
#include "syscall_stubs.h"
#include "trap.h"

#include <poll.h>
#include <setjmp.h>
#include <sys/syscall.h>

struct remote_life remote_life = {-1, -1, -1};
static char program_name[] = "/elsewhere/program";
const char *const remote_program = program_name;
uint64_t trap_waiting_mask;
struct kernel_sigaction trap_program_action;
const char arch_gate[1];

void trap_refused(const struct trap *trap, const char *name, const char *why)
{
    (void)trap, (void)name, (void)why;
}

static jmp_buf ended;
static int home_end = -1, first_free;

static _Noreturn void job_ends(void)
{
    longjmp(ended, 1);
}

/* --- The program's memory --- */

#define MEMORY (1 << 18)
#define PATTERN 0xa5
static unsigned char *memory; /* behind it there is nothing */
static size_t used;
static struct {
    size_t at, size;
} outs[8];
static int out_count;
static size_t out_size; /* of all that may come out of one call */

static void *place(size_t size)
{
    void *at = memory + used + 64;
    used += (size + 128 + 15) & ~15UL;
    if (used > MEMORY)
        wrong("the program's memory is too small");
    return at;
}

static long out_place(size_t size)
{
    unsigned char *at = place(size);
    outs[out_count].at = (size_t)(at - memory);
    outs[out_count++].size = size;
    out_size += size;
    return (long)at;
}

static long in_place(const void *bytes, size_t size)
{
    return (long)memcpy(place(size), bytes, size);
}

static long text_place(const char *text)
{
    return in_place(text, strlen(text) + 1);
}

static unsigned char before[MEMORY];

/* --- Calls: of each argument what it is --- */

/*
 * f: a descriptor at home; d: a directory; p: a path; t: a text; b: room for what comes out, as much as the next n says;
 * w: bytes that go in, as many as the next n says; n: how many; v, V: an iovec of 3 pieces that come out, go in; i: a
 * number; s: room for `fixed` bytes that come out; S: the same going in; l: an offset of 8 bytes, both ways
 */
static const struct shape {
    long number;
    const char *arguments;
    size_t fixed;
    bool counted; /* the result is how many, at most n */
    long command; /* the second argument, if that is not 0 */
} shapes[] = {
    {SYS_read, "fbn", 0, true, 0}, {SYS_write, "fwn", 0, true, 0}, {SYS_pread64, "fbni", 0, true, 0},
    {SYS_pwrite64, "fwni", 0, true, 0}, {SYS_readv, "fv3", 0, false, 0}, {SYS_writev, "fV3", 0, false, 0},
    {SYS_preadv, "fv3i", 0, false, 0}, {SYS_getdents64, "fbn", 0, true, 0}, {SYS_lseek, "fii", 0, false, 0},
    {SYS_fstat, "fs", 144, false, 0}, {SYS_newfstatat, "dpsi", 144, false, 0}, {SYS_statx, "dpiis", 256, false, 0},
    {SYS_statfs, "ps", 120, false, 0}, {SYS_stat, "ps", 144, false, 0}, {SYS_readlink, "pbn", 0, true, 0},
    {SYS_readlinkat, "dpbn", 0, true, 0}, {SYS_getcwd, "bn", 0, true, 0}, {SYS_openat, "dpii", 0, false, 0},
    {SYS_open, "pii", 0, false, 0}, {SYS_close, "f", 0, false, 0}, {SYS_dup, "f", 0, false, 0},
    {SYS_dup2, "ff", 0, false, 0}, {SYS_dup3, "ffi", 0, false, 0}, {SYS_access, "pi", 0, false, 0},
    {SYS_fcntl, "fin", 0, false, F_DUPFD}, {SYS_fcntl, "fii", 0, false, F_GETFL}, {SYS_fcntl, "fii", 0, false, F_SETFL},
    {SYS_fcntl, "fil", 0, false, F_GETLK}, {SYS_fcntl, "fiS", 32, false, F_SETLK}, {SYS_ioctl, "fis", 8, false, 0x5413},
    {SYS_ioctl, "fis", 36, false, 0x5401}, {SYS_getxattr, "ptbn", 0, true, 0}, {SYS_setxattr, "ptwni", 0, false, 0},
    {SYS_renameat, "dpdp", 0, false, 0}, {SYS_chdir, "p", 0, false, 0},
    {SYS_copy_file_range, "flflni", 0, true, 0}, {SYS_utimensat, "dpSi", 32, false, 0}, {SYS_poll, "P2i", 0, false, 0},
    {SYS_select, "8RRRT", 0, false, 0}, {SYS_sendfile, "ffln", 0, false, 0}, {SYS_mmap, "0m12f0", 0, false, 0},
    {SYS_umask, "i", 0, false, 0}, {SYS_close_range, "iii", 0, false, 0}, {SYS_ftruncate, "fi", 0, false, 0},
};

static long vector_place(bool comes_out)
{
    struct iovec pieces[3];
    for (int i = 0; i < 3; i++) {
        size_t size = any(3) == 0 ? 0 : any(3000);
        pieces[i] = (struct iovec){comes_out ? (void *)out_place(size) : place(size), size}; // NOLINT
    }
    return in_place(pieces, sizeof pieces);
}

static long number_of(char kind)
{
    switch (kind) {
    case 'n': return any(16) == 0 ? odd_number() : (long)any(9000);
    case 'm': return 1 + (long)any(1 << 18);
    case '0': case '1': case '2': case '3': case '8': return kind - '0';
    default: return any(8) == 0 ? odd_number() : 0;
    }
}

static long other_argument(const struct shape *shape, char kind)
{
    static const char *const paths[] = {"file", "/elsewhere/file", "folder/", ".", "/proc/self/exe", "/proc/self/cwd", "/dev/fd/3", ""};
    struct pollfd fds[2] = {{3, POLLIN, 0}, {4, POLLOUT, 0}};
    switch (kind) {
    case 'f': return 3 + any(4);
    case 'd': return any(2) ? AT_FDCWD : 3 + (long)any(4);
    case 'p': return text_place(ONE_OF(paths));
    case 't': return text_place("user.name");
    case 'v': return vector_place(true);
    case 'V': return vector_place(false);
    case 'R': return any(4) == 0 ? 0 : (long)memset((void *)out_place(128), 0x18, 1); // NOLINT: 3 and 4
    case 'T': return in_place(&(struct timeval){0, 0}, sizeof(struct timeval));
    case 's': return any(8) == 0 ? 0 : out_place(shape->fixed);
    case 'S': return in_place(before, shape->fixed);
    case 'l': return any(4) == 0 ? 0 : out_place(32);
    case 'P': memcpy((void *)out_place(sizeof fds), fds, sizeof fds); return (long)memory + (long)outs[out_count - 1].at; // NOLINT
    default: return number_of(kind);
    }
}

/* The room of a 'b' or 'w' is what the next 'n' says; there is nothing behind it. */
static long make_arguments(const struct shape *shape, long *arguments)
{
    const uint64_t nowhere[] = {16, (uint64_t)memory + MEMORY, 0xa5a5a5a5a5a5a5a5, UINT64_MAX, 1UL << 47, (1UL << 63) + 8};
    long count = 0;
    for (int i = 0; i < CALL_ARGUMENTS && shape->arguments[i] != '\0'; i++) {
        char kind = shape->arguments[i];
        if (kind != 'b' && kind != 'w') {
            arguments[i] = kind == 'n' && count > 0 ? count : other_argument(shape, kind);
            continue;
        }
        count = 1 + (long)any(any(8) == 0 ? 70000 : 5000);
        arguments[i] = kind == 'b' ? out_place((size_t)count) : (long)place((size_t)count); // NOLINT
        if (any(32) == 0)
            arguments[i] = (long)ONE_OF(nowhere);
    }
    if (shape->command != 0 || shape->number == SYS_fcntl)
        arguments[1] = shape->command;
    return count;
}

/* --- Answers --- */

#define ANSWERS 3
static struct answer {
    struct frame frame;
    int64_t result;
    char data[FRAME_MAX + 64];
} answers[ANSWERS];
static size_t answer_size[ANSWERS];

static void make_answer(int i, long count)
{
    static const size_t sizes[] = {0, 4, 8, 36, 120, 144, 256, PATH_MAX, FRAME_DATA};
    struct answer *a = &answers[i];
    size_t data = any(4) == 0 ? ONE_OF(sizes) : any(3) == 0 ? any(200) : any(2) ? (size_t)count : any(FRAME_DATA);
    a->result = any(3) == 0 ? odd_number() : any(4) == 0 ? (int64_t)any(9000) : (int64_t)data;
    data = any(8) == 0 ? any(FRAME_DATA) : data < FRAME_DATA ? data : FRAME_DATA;
    a->frame = (struct frame){any(12) == 0 ? FRAME_NOT_DONE : FRAME_RESULT, 0, serial + 1 + (uint64_t)i};
    memset(a->data, any(2) ? 'A' : 0, data);
    a->frame.size = a->frame.kind == FRAME_RESULT ? (uint32_t)(sizeof a->result + data) : 0;
    answer_size[i] = sizeof a->frame + a->frame.size;
}

static void damage_answer(int i)
{
    struct answer *a = &answers[i];
    int64_t number = odd_number();
    progress[1]++;
    switch (any(8)) {
    case 0: a->frame.serial = any(2) ? (uint64_t)number : a->frame.serial + any(3) - 1; break;
    case 1: a->frame.kind = FRAME_HELLO + any(FRAME_END - FRAME_HELLO + 1); break;
    case 2: a->frame.size = any(2) ? (uint32_t)number : a->frame.size + any(9) - 4; break;
    case 3: answer_size[i] = 1 + any((uint32_t)answer_size[i]); break;
    case 4: answer_size[i] = answer_size[i] + any((uint32_t)(sizeof *a - answer_size[i])); break;
    case 5: ((char *)a)[any(32)] ^= (char)(1 << any(8)); break;
    default: a->result = number;
    }
}

/* Is it an answer to the i-th call from now, of which `most` bytes may come out?  (remote_call.c, in other words.) */
static bool is_right(int i, uint64_t before_serial, size_t most)
{
    const struct answer *a = &answers[i];
    bool whole = answer_size[i] >= sizeof a->frame && a->frame.size == answer_size[i] - sizeof a->frame;
    bool mine = a->frame.serial == before_serial + 1 + (uint64_t)i;
    if (!whole || !mine)
        return false;
    if (a->frame.kind == FRAME_NOT_DONE)
        return a->frame.size == 0;
    return a->frame.kind == FRAME_RESULT && a->frame.size >= 8 && a->frame.size - 8 <= most && a->result >= -4095;
}

/* How many calls the job made; each must be a whole frame. */
static int calls_made(void)
{
    static struct {
        struct frame frame;
        char data[FRAME_MAX + 1];
    } call;
    int count = 0;
    ssize_t size;
    while ((size = recv(home_end, &call, sizeof call, MSG_DONTWAIT | MSG_TRUNC)) > 0) {
        if (size < (ssize_t)sizeof call.frame || frame_problem(&call.frame) != NULL ||
            (size_t)size != sizeof call.frame + call.frame.size)
            wrong("the job sends what is no frame");
        count += call.frame.kind == FRAME_CALL;
    }
    return count;
}

/* --- One call --- */

static void begin_life(void)
{
    int pair[2];
    sigset_t none;
    sigemptyset(&none);
    for (int fd = 0; fd < TABLE_SIZE; fd++)
        if (table_find(fd) != NULL)
            table_remove(fd);
    close_range((unsigned)first_free, REPORT - 1, 0);
    if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, pair) != 0)
        wrong("socketpair");
    setsockopt(pair[1], SOL_SOCKET, SO_SNDBUF, &(int){8 * FRAME_MAX}, sizeof(int));
    setsockopt(pair[0], SOL_SOCKET, SO_SNDBUF, &(int){8 * FRAME_MAX}, sizeof(int));
    home_end = fcntl(pair[1], F_DUPFD_CLOEXEC, 500);
    remote_life.connection = fcntl(pair[0], F_DUPFD_CLOEXEC, 500);
    remote_life.signals = fcntl(signalfd(-1, &none, SFD_CLOEXEC), F_DUPFD_CLOEXEC, 500);
    close_range((unsigned)first_free, 499, 0);
    for (int fd = 3; fd < 7; fd++)
        table_put(100 + fd, fd, 0, NULL);
    remote_call_begin_life();
    trap_waiting_mask = ~0UL;
    memset(memory, PATTERN, MEMORY);
    used = out_size = 0;
    out_count = 0;
}

static const struct stub *stub_of(long number)
{
    const struct stub *stub = stubs;
    while (stub->number >= 0 && stub->number != number)
        stub++;
    if (stub->number < 0 || stub->stub == NULL)
        wrong("call %ld has no stub", number);
    return stub;
}

/* What may come out is forgotten, with the pattern; what is left must be as it was. */
static void check_memory(const struct shape *shape)
{
    for (int i = 0; i < out_count; i++)
        memcpy(before + outs[i].at, memory + outs[i].at, outs[i].size);
    if (memcmp(before, memory, MEMORY) != 0)
        wrong("call %ld: memory was changed that it may not change", shape->number);
}

static void check_result(const struct shape *shape, long result, long count, uint64_t before_serial, size_t most)
{
    int made = calls_made();
    if (result == CALL_AGAIN && made == 0)
        wrong("call %ld: to be made again, and was not made", shape->number);
    if (result < -4095 && result != CALL_AGAIN && result != CALL_LOCAL)
        wrong("call %ld: %ld is no result", shape->number, result);
    if (result == CALL_LOCAL && made > 0)
        wrong("call %ld: made at home, and here", shape->number);
    if (shape->counted && count > 0 && result > count)
        wrong("call %ld: %ld of %ld", shape->number, result, count);
    for (int i = 0; i < made && i < ANSWERS && result != -EFAULT; i++) /* then the kernel stopped in the middle of it */
        if (!is_right(i, before_serial, i == 0 ? most : FRAME_DATA))
            wrong("call %ld: answer %d was taken", shape->number, i);
    if (made > ANSWERS)
        wrong("call %ld: went on without an answer", shape->number);
}

static void try(void)
{
    begin_life();
    const struct shape *shape = &ONE_OF(shapes);
    static char stack[4096];
    ucontext_t context = {0};
    context.uc_mcontext.gregs[REG_RSP] = (greg_t)(stack + sizeof stack - 256);
    struct trap trap = {.context = &context, .number = shape->number};
    long count = make_arguments(shape, trap.arguments);
    memcpy(before, memory, MEMORY);
    uint64_t before_serial = serial;
    int sent = 1 + (int)any(ANSWERS);
    for (int i = 0; i < sent; i++) {
        make_answer(i, count > 0 ? count : (long)shape->fixed);
        if (any(2))
            damage_answer(i);
        if (send(home_end, &answers[i], answer_size[i], MSG_DONTWAIT) < 0)
            wrong("send: %s", strerror(errno));
    }
    shutdown(home_end, SHUT_WR);
    bool exact = strpbrk(shape->arguments, "vVPRlm") == NULL && shape->number != SYS_readlink && shape->number != SYS_readlinkat;
    if (setjmp(ended) == 0) {
        long result = stub_of(shape->number)->stub(&trap);
        check_result(shape, result, count, before_serial, exact ? out_size : FRAME_DATA);
        if (shape->number == SYS_mmap && result > 0)
            munmap((void *)result, (size_t)trap.arguments[1]); // NOLINT
    }
    check_memory(shape);
}

static void begin(uint64_t chunk)
{
    (void)chunk;
    char *all = mmap(NULL, MEMORY + 4096, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (all == MAP_FAILED || mprotect(all + MEMORY, 4096, PROT_NONE) != 0)
        wrong("memory");
    memory = (unsigned char *)all;
    first_free = 3;
    close_range(3, REPORT - 1, 0);
}

int main(int argc, char **argv)
{
    if (argc < 5)
        return EX_USAGE;
    return run(argv, begin, try);
}
