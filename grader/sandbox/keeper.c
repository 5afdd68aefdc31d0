/* keeper.c: starts the programs of one room, with their limits, and tells the grader how each ends.
 *
 *     keeper FD [-u UID] [-l NAME=VALUE]... [-s PIDS]
 *
 * FD is one end of a SOCK_SEQPACKET pair; the grader has the other. `ready HIDES` goes there first: whether this
 * one can hide files. Each message that comes is a program to start, with four descriptors (SCM_RIGHTS, unix(7)):
 *
 *     what          a file of words, each ended by a zero byte. Their first letters say what they are: d the
 *                   working directory, h a file that this program shall not see, e NAME=VALUE, a one of PROGRAM
 *                   ARGUMENTS, w that its end waits until the grader has looked
 *     out, err      the program's
 *     socket        another such pair's end, of this program alone
 *
 * What goes to that socket, a message each:
 *
 *     start         by PROGRAM's process before it becomes PROGRAM. The kernel adds the sender's pid as the
 *                   grader sees it (SCM_CREDENTIALS, unix(7)), whatever namespace this runs in. After w a
 *                   descriptor comes with it, where the kernel has such: there PROGRAM, and what it starts, asks
 *                   before it ends by itself (exit(2); seccomp_unotify(2)).
 *     fail ERRNO    PROGRAM could not be started
 *     end STATUS LEFT    its wait status (wait(2)), and whether it left processes behind, which are killed then
 *
 * bubblewrap alone is not enough: it tells its reaper's pid, not the program's, and an exit status of 134 and a
 * death by SIGABRT look the same. Here, no exit status is changed. The end of that socket without `end` means that
 * somebody killed who was to tell. All programs of a room are in the same namespaces, of processes and of shared
 * memory, as a test has them on a machine of its own; each has its own view of the files, in which a program of
 * the reference can be hidden from it. The end of FD is the end of all.
 *
 * Each program has a supervisor between it and this process, which in a namespace of its own is the first: nobody
 * in there can kill or stop it. A supervisor can be killed where it has the program's user id; that ends the room.
 *
 * -u sets user, group and no other groups. -l core, nproc, fsize, cpu, nofile and as set limits (setrlimit(2)), of
 * PROGRAM alone; `nproc` must be set here, in the user namespace that counts; of core it is the hard limit, up to
 * which a program may raise its own. -s uses up so many pids first: a room that is made anew must not have the same
 * ones. */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <linux/audit.h>
#include <linux/capability.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <poll.h>
#include <sched.h>
#include <signal.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/mount.h>
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
enum { WHAT, OUT, ERR, SOCKET, DESCRIPTORS };
enum { LISTS = 3 };
static const char letters[LISTS] = { 'a', 'e', 'h' };

static const struct { const char *name; int resource; } limit_names[] = {
    { "core", RLIMIT_CORE }, { "nproc", RLIMIT_NPROC }, { "fsize", RLIMIT_FSIZE },
    { "cpu", RLIMIT_CPU },   { "nofile", RLIMIT_NOFILE },
    { "as", RLIMIT_AS },
};

static sigset_t child_ended; /* SIGCHLD, which comes only while this process waits */

struct room {
    int socket;
    long uid; /* -1: stay who you are */
    long pids; /* to use up */
    int limits;
    struct { int resource; rlim_t value; } limit[MOST_LIMITS];
};

struct request {
    int descriptors[DESCRIPTORS];
    const char *folder;
    int end_waits;
    char **command, **environment, **hidden; /* each ends with NULL */
};

static void usage(void)
{
    fputs("usage: keeper FD [-u UID] [-l NAME=VALUE]... [-s PIDS]\n", stderr);
    exit(64);
}

static void add_limit(struct room *room, const char *word)
{
    const char *value = strchr(word, '=');

    for (size_t i = 0; value && i < sizeof limit_names / sizeof *limit_names; i++)
        if (strncmp(word, limit_names[i].name, (size_t)(value - word)) == 0 && room->limits < MOST_LIMITS) {
            room->limit[room->limits].resource = limit_names[i].resource;
            room->limit[room->limits++].value = strtoul(value + 1, NULL, 10);
            return;
        }
    usage();
}

static struct room read_arguments(int argc, char **argv)
{
    struct room room = { .socket = argc > 1 ? atoi(argv[1]) : -1, .uid = -1 };
    int option;

    optind = 2;
    while ((option = getopt(argc, argv, "+u:l:s:")) != -1)
        if (option == 'u')
            room.uid = atol(optarg);
        else if (option == 'l')
            add_limit(&room, optarg);
        else if (option == 's')
            room.pids = atol(optarg);
        else
            usage();
    if (optind != argc || room.socket < 3)
        usage();
    return room;
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
 * Sockets of this machine, new namespaces, keys, and limits for others are refused without more ado: libc tries such things by
 * itself. */
#define NUMBER offsetof(struct seccomp_data, nr)
#define LOW_WORD_OF_ARGUMENT(n) (offsetof(struct seccomp_data, args) + 8 * (n))
#define IS(value, yes, no) BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, (value), (yes), (no))
#define LOAD(offset) BPF_STMT(BPF_LD | BPF_W | BPF_ABS, (unsigned)(offset))
#define ANSWER(value) BPF_STMT(BPF_RET | BPF_K, (value))
#define REFUSE(error) ANSWER(SECCOMP_RET_ERRNO | (error))

static struct sock_filter rules[] = {
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
    IS(SYS_add_key, 3, 0), /* keyrings and message queues outlive a case: words for who has this user id next */
    IS(SYS_request_key, 2, 0),
    IS(SYS_keyctl, 1, 0),
    IS(SYS_mq_open, 0, 1),
    REFUSE(ENOSYS),
    IS(SYS_prlimit64, 0, 4),
    LOAD(LOW_WORD_OF_ARGUMENT(0)),
    IS(0, 0, 1),
    ANSWER(SECCOMP_RET_ALLOW),
    REFUSE(EPERM), /* the limits of others, of the keeper too */
    IS(SYS_unshare, 1, 0),
    IS(SYS_setns, 0, 1),
    REFUSE(EPERM),
    ANSWER(SECCOMP_RET_ALLOW),
};

static int filter_system_calls(void)
{
    struct sock_fprog program = { sizeof rules / sizeof *rules, rules };

    return prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &program);
}

/* Where the ends of this program are asked about; -1 where that cannot be. Nothing may end in between, for ever. */
static int hold_ends(void)
{
    struct sock_filter code[] = {
        LOAD(NUMBER),
        IS(SYS_exit_group, 1, 0),
        IS(SYS_exit, 0, 1),
        ANSWER(SECCOMP_RET_USER_NOTIF),
        ANSWER(SECCOMP_RET_ALLOW),
    };
    struct sock_fprog program = { sizeof code / sizeof *code, code };

    return (int)syscall(SYS_seccomp, SECCOMP_SET_MODE_FILTER, SECCOMP_FILTER_FLAG_NEW_LISTENER, &program);
}

/* `start`, with a descriptor. */
static void tell_start(int socket, int descriptor)
{
    char word[] = "start";
    struct iovec data = { word, sizeof word - 1 };
    union { char bytes[CMSG_SPACE(sizeof descriptor)]; struct cmsghdr aligned; } control = { { 0 } };
    struct msghdr message = { .msg_iov = &data, .msg_iovlen = 1 };
    struct cmsghdr *head = &control.aligned;

    if (descriptor >= 0) {
        message.msg_control = &control;
        message.msg_controllen = sizeof control;
        *head = (struct cmsghdr){ CMSG_LEN(sizeof descriptor), SOL_SOCKET, SCM_RIGHTS };
        memcpy(CMSG_DATA(head), &descriptor, sizeof descriptor);
    }
    while (sendmsg(socket, &message, MSG_NOSIGNAL) < 0 && errno == EINTR)
        ;
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

static int set_limits(const struct room *room)
{
    for (int i = 0; i < room->limits; i++) {
        rlim_t value = room->limit[i].value;
        struct rlimit now, new = { value, value };
        if (getrlimit(room->limit[i].resource, &now))
            return -1;
        if (now.rlim_max < value) /* a stricter limit from outside stays */
            new.rlim_cur = new.rlim_max = now.rlim_max;
        if (room->limit[i].resource == RLIMIT_CORE)
            new.rlim_cur = 0;
        if (setrlimit(room->limit[i].resource, &new))
            return -1;
    }
    return 0;
}

/* A view of the files of its own, in which these are empty. Nothing of it is seen outside. */
static int hide(char **paths)
{
    if (*paths == NULL)
        return 0;
    if (unshare(CLONE_NEWNS) || mount(NULL, "/", NULL, MS_REC | MS_SLAVE, NULL))
        return -1;
    for (; *paths; paths++)
        if (mount("/dev/null", *paths, NULL, MS_BIND, NULL))
            return -1;
    return 0;
}

/* Some systems let bubblewrap make namespaces, and what it starts do nothing with them (AppArmor). */
static int can_hide(void)
{
    int status = 1;
    pid_t pid = fork();

    if (pid == 0)
        _exit(hide((char *[]){ "/dev/zero", NULL }) != 0);
    return pid > 0 && waitpid(pid, &status, 0) == pid && status == 0;
}

static int drop_capabilities(void)
{
    struct __user_cap_header_struct header = { .version = _LINUX_CAPABILITY_VERSION_3 };
    struct __user_cap_data_struct none[_LINUX_CAPABILITY_U32S_3] = { 0 };

    return (int)syscall(SYS_capset, &header, none);
}

static int take_descriptors(const struct request *request)
{
    const int *from = request->descriptors;

    return dup2(from[OUT], STDOUT_FILENO) < 0 || dup2(from[ERR], STDERR_FILENO) < 0 ? -1 : 0;
}

static void run(const struct room *room, const struct request *request)
{
    int socket = request->descriptors[SOCKET];

    be_the_first_to_go();
    setsid();
    umask(022);
    prctl(PR_SET_PTRACER, PR_SET_PTRACER_ANY); /* gcore of the same room, where Yama allows parents alone */
    if (take_descriptors(request) == 0 && hide(request->hidden) == 0 && become(room->uid) == 0 &&
        drop_capabilities() == 0 && chdir(request->folder) == 0 && set_limits(room) == 0 &&
        prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) == 0 && filter_system_calls() == 0) {
        tell_start(socket, request->end_waits ? hold_ends() : -1);
        sigprocmask(SIG_UNBLOCK, &child_ended, NULL);
        execvpe(request->command[0], request->command, request->environment);
    }
    tell(socket, "fail", errno, 0);
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

static void supervise(const struct room *room, const struct request *request)
{
    int status = 0, socket = request->descriptors[SOCKET];
    pid_t child, ended;

    prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0);
    child = fork();
    if (child == 0)
        run(room, request);
    close(request->descriptors[OUT]);
    close(request->descriptors[ERR]);
    if (child < 0) {
        tell(socket, "fail", errno, 0);
        _exit(71);
    }
    do
        ended = waitpid(-1, &status, 0);
    while (ended != child && (ended > 0 || errno == EINTR));
    tell(socket, "end", status, kill_what_is_left());
    _exit(0);
}

static void sort_words(struct request *request, char *text, const char *end, char **words, size_t room)
{
    char **next[LISTS];

    request->command = next[0] = words;
    request->environment = next[1] = words + room;
    request->hidden = next[2] = words + 2 * room;
    for (char *word = text; word < end; word += strlen(word) + 1)
        if (*word == 'd')
            request->folder = word + 1;
        else if (*word == 'w')
            request->end_waits = 1;
        else
            for (int list = 0; list < LISTS; list++)
                if (*word == letters[list])
                    *next[list]++ = word + 1;
}

/* The words of a request, sorted by their letters. No memory is given back: a supervisor lives for one program. */
static int read_words(struct request *request)
{
    struct stat file;
    char *text, **words;
    size_t count = 0;

    if (fstat(request->descriptors[WHAT], &file) || file.st_size == 0)
        return -1;
    text = mmap(NULL, (size_t)file.st_size, PROT_READ, MAP_PRIVATE, request->descriptors[WHAT], 0);
    if (text == MAP_FAILED || text[file.st_size - 1] != '\0')
        return -1;
    for (off_t i = 0; i < file.st_size; i++)
        count += text[i] == '\0';
    words = calloc(LISTS * (count + 1), sizeof *words); /* each list has room for all */
    if (words == NULL)
        return -1;
    sort_words(request, text, text + file.st_size, words, count + 1);
    return request->folder != NULL && *request->command != NULL ? 0 : -1;
}

/* 0 at the end, -1 for what is no request. */
static int receive(int socket, struct request *request)
{
    char byte;
    union { char bytes[CMSG_SPACE(sizeof request->descriptors)]; struct cmsghdr aligned; } control;
    struct iovec data = { &byte, 1 };
    struct msghdr message = { .msg_iov = &data, .msg_iovlen = 1, .msg_control = &control };
    struct cmsghdr *head;
    ssize_t size;

    message.msg_controllen = sizeof control;
    size = recvmsg(socket, &message, MSG_CMSG_CLOEXEC);
    if (size == 0)
        return 0;
    head = CMSG_FIRSTHDR(&message);
    if (size < 0 || head == NULL || head->cmsg_type != SCM_RIGHTS ||
        head->cmsg_len != CMSG_LEN(sizeof request->descriptors))
        return -1;
    memcpy(request->descriptors, CMSG_DATA(head), sizeof request->descriptors);
    return 1;
}

/* Whether there was one; a request that cannot be served ends its socket, and the grader sees that. */
static int serve(const struct room *room)
{
    struct request request = { .folder = NULL };
    int got = receive(room->socket, &request);

    if (got > 0) {
        if (fork() == 0) {
            close(room->socket);
            if (read_words(&request) == 0)
                supervise(room, &request);
            _exit(71);
        }
        for (int i = 0; i < DESCRIPTORS; i++)
            close(request.descriptors[i]);
    }
    return got > 0;
}

/* A supervisor that somebody stopped goes on. One that somebody killed leaves who did it: nothing goes on then. */
static int look_after_supervisors(void)
{
    int status;
    pid_t pid;

    while ((pid = waitpid(-1, &status, WNOHANG | WUNTRACED)) > 0)
        if (WIFSTOPPED(status))
            kill(pid, SIGCONT);
        else if (WIFSIGNALED(status))
            return 0;
    return 1;
}

static void wake_up(int number)
{
    (void)number;
}

int main(int argc, char **argv)
{
    struct room room = read_arguments(argc, argv);
    struct pollfd socket = { .fd = room.socket, .events = POLLIN };
    sigset_t none;

    fcntl(room.socket, F_SETFD, FD_CLOEXEC);
    prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0);
    prctl(PR_SET_DUMPABLE, 0, 0, 0, 0); /* nobody traces this process */
    sigemptyset(&none);
    sigemptyset(&child_ended);
    sigaddset(&child_ended, SIGCHLD);
    sigprocmask(SIG_BLOCK, &child_ended, NULL);
    signal(SIGCHLD, wake_up);
    use_up_pids(room.pids);
    tell(room.socket, "ready", can_hide(), 0);
    while (look_after_supervisors())
        if (ppoll(&socket, 1, NULL, &none) > 0 && !serve(&room))
            break;
    kill_what_is_left();
    return 0;
}
