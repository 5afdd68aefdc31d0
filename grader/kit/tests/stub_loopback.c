/*
 * stub_loopback.c - both halves of stub_gen's code in one process, for test_stub_gen.py: what remote_call.h and serve.h
 * promise, in the simplest way; a call at home is a call of its handler.  Descriptors from 500 on are "here"; no others.
 *
 * Prints one line for each thing that was tried.
 */
#include "stub_job.h"
#include "stub_shadow.h"

#include <stdio.h>
#include <stdlib.h>
#include <sys/sendfile.h>

static struct request request;
static struct remote_file file;
static long lie;     /* added to what the shadow says */
static int made;     /* calls at home */
static char room[FRAME_DATA + 4096];

struct remote_file *table_find(long fd)
{
    return fd < 500 ? &file : NULL;
}

enum side map(long *fd)
{
    return (int)*fd >= 500 ? HERE : HOME;
}

enum side map_at(long *fd, const char *path)
{
    return path != NULL && *path == '/' ? path_side(path) : map(fd);
}

enum side path_side(const char *path)
{
    return strncmp(path, "/proc", 5) == 0 ? HERE : strncmp(path, "/none", 5) == 0 ? NOWHERE : HOME;
}

void call_begin(struct remote_call *call, uint32_t number, const long *arguments)
{
    memset(call, 0, sizeof *call);
    call->head.call = number;
    for (int i = 0; i < CALL_ARGUMENTS; i++)
        call->head.arguments[i] = arguments[i];
    memset(&request, 0, sizeof request);
}

/* Here the i-th piece that goes in, or comes out, is that of the i-th argument. */
static void note(struct remote_call *call, int i, size_t in, size_t out)
{
    void *at = (void *)call->head.arguments[i];
    call->head.in_size[i] = at == NULL ? 0 : (uint32_t)in;
    request.in[i] = in != 0 ? at : NULL;
    call->out[i] = (struct iovec){at, out};
}

void call_string(struct remote_call *call, int i)
{
    note(call, i, strlen((char *)call->head.arguments[i]) + 1, 0);
}

void call_path(struct remote_call *call, int i)
{
    if (call->head.arguments[i] != 0)
        call_string(call, i);
}

void call_in(struct remote_call *call, int i, size_t size)
{
    note(call, i, size, 0);
}

void call_out(struct remote_call *call, int i, size_t size)
{
    note(call, i, 0, size);
}

void call_inout(struct remote_call *call, int i, size_t size)
{
    note(call, i, size, size);
}

long REMOTE_syscall(struct remote_call *call)
{
    if (call->error != 0)
        return call->error;
    made++;
    request.head = &call->head;
    request.room = room;
    for (int i = 0; i < CALL_ARGUMENTS; i++)
        request.arguments[i] = call->head.arguments[i];
    long result = handlers[call->head.call](&request);
    for (int i = 0, k = 0; i < CALL_ARGUMENTS && result >= 0; i++)
        if (call->out[i].iov_len != 0 && call->out[i].iov_base != NULL) {
            if (request.out[k].iov_len > call->out[i].iov_len)
                abort();
            memcpy(call->out[i].iov_base, request.out[k].iov_base, request.out[k].iov_len);
            k++;
        }
    return result >= 0 ? result + lie : result;
}

int take_fd(struct request *r, int i)
{
    return (int)r->arguments[i];
}

int take_fd_to_change(struct request *r, int i)
{
    return (int)r->arguments[i];
}

int take_directory(struct request *r, int i)
{
    return (int)r->arguments[i];
}

const char *take_path(struct request *r, int i, int directory, enum path_use use, int at_flags)
{
    return r->in[i];
}

const char *take_text(struct request *r, int i)
{
    return r->in[i];
}

void *take_in(struct request *r, int i, size_t size)
{
    if (r->in[i] != NULL && r->head->in_size[i] != size)
        r->error = -EPROTO;
    return r->in[i];
}

void *take_out(struct request *r, int i, size_t size)
{
    if (r->arguments[i] == 0)
        return NULL;
    if (r->room_used + size > sizeof room)
        abort();
    void *at = memset(r->room + r->room_used, 0, size);
    r->out[r->out_count++] = (struct iovec){at, size};
    r->room_used += size;
    return at;
}

void *take_inout(struct request *r, int i, size_t size)
{
    void *at = take_out(r, i, size);
    return at == NULL ? NULL : memcpy(at, take_in(r, i, size), size);
}

void give_back(struct request *r, int k, size_t size)
{
    r->out[k].iov_len = size;
}

long request_wait(struct request *r, int fd, short events)
{
    struct pollfd one = {fd, events, 0};
    return poll(&one, 1, 0) == 1 ? 0 : r->head->flags & CALL_NO_WAIT ? -EAGAIN : CALL_AGAIN;
}

size_t request_room(int fd, size_t count)
{
    return count < 4096 ? count : 4096;
}

long request_result(long result)
{
    return result < 0 ? -errno : result;
}

/* The stub of call `number`, with these arguments. */
static long call(long number, long a, long b, long c, long d)
{
    struct trap trap = {.number = number, .arguments = {a, b, c, d}};
    for (const struct stub *stub = stubs; stub->number >= 0; stub++)
        if (stub->number == number)
            return stub->stub != NULL ? stub->stub(&trap) : -stub->refuse_errno;
    return -ENOSYS;
}

static void say(const char *what, long result)
{
    printf("%s %s\n", what, result == CALL_LOCAL ? "here" : result == CALL_AGAIN ? "again"
           : result < 0 ? strerrorname_np((int)-result) : (char[24]){""});
}

static void check(const char *what, bool right)
{
    printf("%s %s\n", what, right ? "right" : "WRONG");
}

static char big[300000], back[300000];

static void files(void)
{
    struct stat there, here;
    int fd = open("big", O_RDWR | O_CREAT | O_TRUNC, 0600);
    for (size_t i = 0; i < sizeof big; i++)
        big[i] = (char)(i * 7 + i / 251);
    check("write", call(SYS_write, fd, (long)big, sizeof big, 0) == sizeof big && made > 70);
    check("pread64", call(SYS_pread64, fd, (long)back, sizeof back, 0) == sizeof back && !memcmp(big, back, sizeof big));
    check("pread64 to the end", call(SYS_pread64, fd, (long)back, 100000, 299000) == 1000);
    check("read at the end", call(SYS_read, fd, (long)back, 100, 0) == 0);
    memset(back, 'x', 10);
    check("nothing comes out behind what was read", call(SYS_pread64, fd, (long)back, 10, 299997) == 3 && back[3] == 'x');
    check("stat", call(SYS_stat, (long)"big", (long)&there, 0, 0) == 0 && stat("big", &here) == 0 &&
          !memcmp(&here, &there, sizeof here));
    check("fstat", call(SYS_fstat, fd, (long)&there, 0, 0) == 0 && there.st_ino == here.st_ino);
    say("read too much", call(SYS_read, fd, (long)back, -1, 0));
    say("read to nowhere", call(SYS_pread64, fd, 0, 5, 0));
    check("rename", call(SYS_renameat, AT_FDCWD, (long)"big", AT_FDCWD, (long)"renamed") == 0);
    check("utimensat without times", call(SYS_utimensat, (long)(unsigned)AT_FDCWD, (long)"renamed", 0, 0) == 0);
    lie = 1;
    say("read from a liar", call(SYS_pread64, fd, (long)back, 10, 0));
    lie = 0;
}

static void pipes(void)
{
    int fds[2];
    if (pipe2(fds, O_NONBLOCK) != 0 || fcntl(fds[1], F_SETPIPE_SZ, 1 << 20) < 0)
        return;
    say("read nothing, waiting", call(SYS_read, fds[0], (long)back, 10, 0));
    file.no_wait = true;
    say("read nothing, not waiting", call(SYS_read, fds[0], (long)back, 10, 0));
    file.no_wait = false;
    check("write to a pipe", call(SYS_write, fds[1], (long)big, 100000, 0) == 100000);
    made = 0;
    check("read what there is", call(SYS_read, fds[0], (long)back, 200000, 0) == 100000 && made == 2);
    check("and just that", !memcmp(big, back, 100000));
}

static void others(void)
{
    gid_t groups[64], more[64];
    char directory[4096], here[4096];
    int count = getgroups(64, groups);
    check("getgroups", call(SYS_getgroups, 64, (long)more, 0, 0) == count && !memcmp(groups, more, (size_t)count * sizeof *groups));
    check("how many groups", call(SYS_getgroups, 0, 0, 0, 0) == count);
    check("getcwd", call(SYS_getcwd, (long)directory, sizeof directory, 0, 0) > 0 && !strcmp(directory, getcwd(here, sizeof here)));
    say("getcwd, too small", call(SYS_getcwd, (long)directory, 1, 0, 0));
    say("ioctl of no terminal", call(SYS_ioctl, open("renamed", O_RDONLY), TIOCGWINSZ, (long)directory, 0));
    say("ioctl that is no case", call(SYS_ioctl, 0, 12345, 0, 0));
    say("ioctl that is no case, here", call(SYS_ioctl, 500, 12345, 0, 0));
    say("fcntl, here", call(SYS_fcntl, 0, F_GETFD, 0, 0));
    say("fstat, here", call(SYS_fstat, 500, 0, 0, 0));
    say("stat, here", call(SYS_stat, (long)"/proc/self", 0, 0, 0));
    say("stat, nowhere", call(SYS_stat, (long)"/none", 0, 0, 0));
    say("chdir, here", call(SYS_chdir, (long)"/proc", 0, 0, 0));
    say("rename to the other side", call(SYS_renameat, AT_FDCWD, (long)"a", 500, (long)"b"));
    say("sendfile at home", call(SYS_sendfile, 1, 0, 0, 10));
    say("sendfile to the other side", call(SYS_sendfile, 500, 0, 0, 10));
    say("sendfile, here", call(SYS_sendfile, 500, 501, 0, 10));
    say("too large", call(SYS_setxattr, (long)".", (long)"user.x", (long)big, 100000));
    say("fork", call(SYS_fork, 0, 0, 0, 0));
    check("local", local_calls[0] == SYS_brk && local_calls[1] == -1);
}

int main(void)
{
    files();
    pipes();
    others();
    return 0;
}
