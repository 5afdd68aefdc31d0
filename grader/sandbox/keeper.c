/* keeper.c: starts a program of a submission, with its limits, and tells the grader how it ends.
 *
 *     keeper FD [-u UID] [-l NAME=VALUE]... [-s PIDS] -- PROGRAM ARGUMENTS
 *
 * FD is one end of a SOCK_SEQPACKET pair; the grader has the other. What goes there, a message each:
 *
 *     start         by PROGRAM's process before it becomes PROGRAM. The kernel adds the sender's pid as the
 *                   grader sees it (SCM_CREDENTIALS, unix(7)), whatever namespace this runs in.
 *     fail ERRNO    PROGRAM could not be started
 *     end STATUS LEFT    its wait status (wait(2)), and whether it left processes behind, which are killed then
 *
 * bubblewrap alone is not enough: it tells its reaper's pid, not the program's, and an exit status of 134 and a
 * death by SIGABRT look the same. Here, no exit status is changed. The end of FD without `end` means that
 * somebody killed the keeper.
 *
 * -u sets user, group and no other groups. -l core, nproc, fsize, cpu, nofile and as set limits (setrlimit(2)), of
 * PROGRAM alone; `nproc` must be set here, in the user namespace that counts. -s uses up so many pids first: in a
 * namespace of its own each program would have the same one, and a restarted program must not find its old pid. */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <linux/audit.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <sched.h>
#include <signal.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#if defined __x86_64__
#define ARCHITECTURE AUDIT_ARCH_X86_64
#elif defined __aarch64__
#define ARCHITECTURE AUDIT_ARCH_AARCH64
#else
#error "the system call filter knows x86-64 and aarch64"
#endif

enum { X32 = 0x40000000, MOST_LIMITS = 8, CANNOT_RUN = 127 };

static const struct { const char *name; int resource; } limit_names[] = {
    { "core", RLIMIT_CORE }, { "nproc", RLIMIT_NPROC }, { "fsize", RLIMIT_FSIZE },
    { "cpu", RLIMIT_CPU },   { "nofile", RLIMIT_NOFILE },
    { "as", RLIMIT_AS },
};

struct request {
    int socket;
    long uid; /* -1: stay who you are */
    long pids; /* to use up */
    int limits;
    struct { int resource; rlim_t value; } limit[MOST_LIMITS];
    char **command;
};

static void usage(void)
{
    fputs("usage: keeper FD [-u UID] [-l NAME=VALUE]... [-s PIDS] -- PROGRAM ARGUMENTS\n", stderr);
    exit(64);
}

static void add_limit(struct request *request, const char *word)
{
    const char *value = strchr(word, '=');

    for (size_t i = 0; value && i < sizeof limit_names / sizeof *limit_names; i++)
        if (strncmp(word, limit_names[i].name, (size_t)(value - word)) == 0 && request->limits < MOST_LIMITS) {
            request->limit[request->limits].resource = limit_names[i].resource;
            request->limit[request->limits++].value = strtoul(value + 1, NULL, 10);
            return;
        }
    usage();
}

static struct request read_request(int argc, char **argv)
{
    struct request request = { .socket = argc > 1 ? atoi(argv[1]) : -1, .uid = -1 };
    int option;

    optind = 2;
    while ((option = getopt(argc, argv, "+u:l:s:")) != -1)
        if (option == 'u')
            request.uid = atol(optarg);
        else if (option == 'l')
            add_limit(&request, optarg);
        else if (option == 's')
            request.pids = atol(optarg);
        else
            usage();
    if (optind >= argc || request.socket < 3)
        usage();
    request.command = argv + optind;
    return request;
}

static void tell(int fd, const char *word, int first, int second)
{
    char text[64];
    int n = snprintf(text, sizeof text, "%s %d %d", word, first, second);

    while (send(fd, text, (size_t)n, MSG_NOSIGNAL) < 0 && errno == EINTR)
        ;
}

/* What no checkpointer needs. A socket to the network ends the program by SIGSYS: then the grader can say what it
 * was. (Where there are namespaces there is no network either; this is the only wall where there are none.)
 * Sockets of this machine, and new namespaces, are refused without more ado: libc tries such things by itself. */
#define NUMBER offsetof(struct seccomp_data, nr)
#define LOW_WORD_OF_ARGUMENT(n) (offsetof(struct seccomp_data, args) + 8 * (n))
#define IS(value, yes, no) BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, (value), (yes), (no))
#define LOAD(offset) BPF_STMT(BPF_LD | BPF_W | BPF_ABS, (unsigned)(offset))
#define ANSWER(value) BPF_STMT(BPF_RET | BPF_K, (value))
#define REFUSE(error) ANSWER(SECCOMP_RET_ERRNO | (error))

static int filter_system_calls(void)
{
    struct sock_filter code[] = {
        LOAD(offsetof(struct seccomp_data, arch)),
        IS(ARCHITECTURE, 1, 0),
        ANSWER(SECCOMP_RET_KILL_PROCESS), /* 32-bit calls have other numbers */
        LOAD(NUMBER),
        BPF_JUMP(BPF_JMP | BPF_JGE | BPF_K, X32, 0, 1),
        ANSWER(SECCOMP_RET_KILL_PROCESS),
        IS(SYS_socket, 0, 4),
        LOAD(LOW_WORD_OF_ARGUMENT(0)),
        IS(AF_UNIX, 0, 1),
        REFUSE(EACCES),
        ANSWER(SECCOMP_RET_KILL_PROCESS),
        IS(SYS_clone, 0, 4),
        LOAD(LOW_WORD_OF_ARGUMENT(0)), /* the flags */
        BPF_JUMP(BPF_JMP | BPF_JSET | BPF_K, CLONE_NEWUSER, 0, 1),
        REFUSE(EPERM),
        ANSWER(SECCOMP_RET_ALLOW),
        IS(SYS_clone3, 0, 1), /* its flags are in memory, where no filter can look; glibc then uses clone */
        REFUSE(ENOSYS),
        IS(SYS_io_uring_setup, 0, 1), /* would make sockets behind this filter's back */
        REFUSE(ENOSYS),
        IS(SYS_unshare, 1, 0),
        IS(SYS_setns, 0, 1),
        REFUSE(EPERM),
        ANSWER(SECCOMP_RET_ALLOW),
    };
    struct sock_fprog program = { sizeof code / sizeof *code, code };

    return prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &program);
}

static void use_up_pids(long count)
{
    for (; count > 0; count--) {
        pid_t pid = fork();
        if (pid == 0)
            _exit(0);
        if (pid > 0)
            waitpid(pid, NULL, 0);
    }
}

static int become(long uid)
{
    if (uid < 0)
        return 0;
    if (setgroups(0, NULL) || setresgid((gid_t)uid, (gid_t)uid, (gid_t)uid))
        return -1;
    return setresuid((uid_t)uid, (uid_t)uid, (uid_t)uid);
}

/* If memory runs out, the kernel takes this one first. Everybody may make that worse for himself. */
static void be_the_first_to_go(void)
{
    int fd = open("/proc/self/oom_score_adj", O_WRONLY | O_CLOEXEC);

    if (fd >= 0) {
        if (write(fd, "1000", 4) != 4)
            perror("keeper: oom_score_adj");
        close(fd);
    }
}

static int set_limits(const struct request *request)
{
    for (int i = 0; i < request->limits; i++) {
        rlim_t value = request->limit[i].value;
        struct rlimit now, new = { value, value };
        if (getrlimit(request->limit[i].resource, &now))
            return -1;
        if (now.rlim_max < value) /* a stricter limit from outside stays */
            new.rlim_cur = new.rlim_max = now.rlim_max;
        if (setrlimit(request->limit[i].resource, &new))
            return -1;
    }
    return 0;
}

static void run(const struct request *request)
{
    be_the_first_to_go();
    setsid();
    umask(022);
    if (become(request->uid) == 0 && set_limits(request) == 0 && prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) == 0 &&
        filter_system_calls() == 0) {
        tell(request->socket, "start", 0, 0);
        execvp(request->command[0], request->command);
    }
    tell(request->socket, "fail", errno, 0);
    _exit(CANNOT_RUN);
}

/* All that it started becomes a child of this process when its parent ends (PR_SET_CHILD_SUBREAPER). */
static int kill_children(void)
{
    char path[64], text[4096] = "";
    int killed = 0;

    snprintf(path, sizeof path, "/proc/self/task/%d/children", (int)getpid());
    FILE *file = fopen(path, "re");
    if (file && fgets(text, sizeof text, file))
        for (char *word = strtok(text, " "); word; word = strtok(NULL, " "))
            killed += kill(atoi(word), SIGKILL) == 0;
    if (file)
        fclose(file);
    return killed;
}

/* Whether there was anything. Without CONFIG_PROC_CHILDREN the grader's own means must do: the end of the
 * namespace, or a kill of all that the user id has. */
static int kill_what_is_left(void)
{
    int found = 0;
    pid_t pid;

    while ((pid = waitpid(-1, NULL, WNOHANG)) >= 0) {
        found |= pid == 0;
        if (pid == 0 && kill_children())
            waitpid(-1, NULL, 0);
        else if (pid == 0)
            break;
    }
    return found;
}

int main(int argc, char **argv)
{
    struct request request = read_request(argc, argv);
    int status = 0;
    pid_t child, ended;

    fcntl(request.socket, F_SETFD, FD_CLOEXEC);
    prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0);
    prctl(PR_SET_DUMPABLE, 0, 0, 0, 0); /* nobody traces this process */
    use_up_pids(request.pids);
    child = fork();
    if (child == 0)
        run(&request);
    if (child < 0) {
        tell(request.socket, "fail", errno, 0);
        return 71;
    }
    do
        ended = waitpid(-1, &status, 0);
    while (ended != child && (ended > 0 || errno == EINTR));
    tell(request.socket, "end", status, kill_what_is_left());
    return 0;
}
