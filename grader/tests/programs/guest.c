/*
 * guest.c - is libckpt.so a good guest?  guest MODE: does something that a guest can spoil, takes checkpoints with
 * ckpt_now(), and says in each life what it found.  Its output is descriptor 1, or what CKPT_FDFILE leaves to it.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <ucontext.h>
#include <unistd.h>

int ckpt_now(void) __attribute__((weak));

static int output = 1;

static void tell(const char *what, long number)
{
    dprintf(output, "%s %ld\n", what, number);
}

/* A checkpoint that is refused, with a message: the program has a child. */
static void refused(void)
{
    pid_t child = fork();
    if (child == 0)
        for (;;)
            pause();
    tell("refused", ckpt_now());
    kill(child, SIGKILL);
    waitpid(child, NULL, 0);
}

/* Descriptor 2 is not standard error any more, but the program's data. */
static void database(void)
{
    close(2);
    if (open("database", O_RDWR | O_CREAT | O_TRUNC | O_APPEND, 0600) != 2)
        exit(1);
    dprintf(2, "record 1\n");
    refused();
    tell("life", ckpt_now());
    refused();
    dprintf(2, "record 2\n");
}

/* As 1 and 2 it has files of its own; and the restorer has something to say: where an epoll's socket was is nothing. */
static void own_files(void)
{
    struct epoll_event event = {.events = EPOLLIN};
    output = dup(1);
    close(1);
    close(2);
    if (open("table", O_RDWR | O_CREAT | O_TRUNC, 0600) != 1 || open("database", O_RDWR | O_CREAT | O_TRUNC, 0600) != 2)
        exit(1);
    int waits = epoll_create1(0), end = socket(AF_UNIX, SOCK_DGRAM, 0);
    event.data.fd = end;
    epoll_ctl(waits, EPOLL_CTL_ADD, end, &event);
    dprintf(1, "table 1\n");
    dprintf(2, "record 1\n");
    tell("life", ckpt_now());
    dprintf(1, "table 2\n");
    dprintf(2, "record 2\n");
}

/* Says once in each life why there is no checkpoint. */
static void messages(void)
{
    sigset_t waiting;
    refused();
    tell("life", ckpt_now());
    refused();
    sigpending(&waiting);
    tell("SIGPIPE waits", sigismember(&waiting, SIGPIPE));
}

/* It has blocked SIGPIPE, and one waits: it still does afterwards. */
static void waiting_sigpipe(void)
{
    sigset_t set;
    sigemptyset(&set);
    sigaddset(&set, SIGPIPE);
    sigprocmask(SIG_BLOCK, &set, NULL);
    raise(SIGPIPE);
    messages();
}

/* No file may grow: a message would, and so would the image. */
static void file_limit(void)
{
    struct rlimit none = {0, 0};
    setrlimit(RLIMIT_FSIZE, &none);
    tell("too large", ckpt_now());
}

/* 0, 1 and 2 are free, and stay so: what is opened for the checkpoint is closed again. */
static void no_descriptors(void)
{
    output = fcntl(1, F_DUPFD, 7);
    close(0);
    close(1);
    close(2);
    refused();
    tell("life", ckpt_now());
    int fd = open("/dev/null", O_RDONLY);
    tell("free number", fd);
    close(fd);
}

/* --- Stacks ------------------------------------------------------------------------------------- */

#define MARGIN 65536
#define MARK 0x5a

static ucontext_t mainland, island;

static long spoiled(const char *memory)
{
    long n = 0;
    for (int i = 0; i < MARGIN; i++)
        n += memory[i] != MARK;
    return n;
}

static char *marked(size_t size)
{
    char *memory = mmap(NULL, MARGIN + size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    return memset(memory, MARK, MARGIN + size);
}

static volatile int result;

static void on_island(void)
{
    result = ckpt_now();
    swapcontext(&island, &mainland);
}

/* A checkpoint on a stack of 4 KiB. */
static void visit_island(void)
{
    char *memory = marked(4096);
    getcontext(&island);
    island.uc_stack = (stack_t){.ss_sp = memory + MARGIN, .ss_size = 4096};
    island.uc_link = &mainland;
    makecontext(&island, on_island, 0);
    swapcontext(&mainland, &island);
    tell("life", result);
    tell("spoiled", spoiled(memory));
}

static char *own; /* a small alternate stack, with a margin below it */
static int on_it;

static void tell_stack(void)
{
    stack_t now;
    sigaltstack(NULL, &now);
    tell("disabled", (now.ss_flags & SS_DISABLE) != 0);
    tell("own", own != NULL && now.ss_sp == own + MARGIN);
}

static void on_usr1(int number)
{
    (void)number;
    char here;
    on_it = &here > own && &here < own + MARGIN + 16384;
    result = ckpt_now();
}

/* The program sets an alternate stack, takes a checkpoint on it, and sets none again. */
static void alternate(void)
{
    struct sigaction action = {.sa_handler = on_usr1, .sa_flags = SA_ONSTACK};
    stack_t ended = {.ss_flags = SS_DISABLE}, before;
    tell_stack();
    own = marked(16384);
    sigaltstack(&(stack_t){.ss_sp = own + MARGIN, .ss_size = 16384}, &before);
    tell("before", before.ss_flags == SS_DISABLE);
    tell("too small", sigaltstack(&(stack_t){.ss_sp = own, .ss_size = 1}, NULL) == -1 && errno == ENOMEM);
    sigaction(SIGUSR1, &action, NULL);
    raise(SIGUSR1);
    tell("life", result);
    tell("on it", on_it);
    tell_stack();
    tell("spoiled", spoiled(own));
    sigaltstack(&ended, NULL);
    tell_stack();
    visit_island();
}

/* An alternate stack that holds no signal frame of today's processors: no signal may be put there. */
static void tiny(void)
{
    own = marked(2048);
    sigaltstack(&(stack_t){.ss_sp = own + MARGIN, .ss_size = 2048}, NULL);
    tell("life", ckpt_now());
    tell_stack();
    tell("spoiled", spoiled(own));
}

/* Becomes what comes behind MODE, by each way that there is in turn: GUEST_WAY is its number. */
static void become(char **words)
{
    extern char **environ;
    const char *way = getenv("GUEST_WAY");
    tell("life", ckpt_now());
    switch (way != NULL ? atoi(way) : 0) {
    case 0: execve(words[0], words, environ); break;
    case 1: execv(words[0], words); break;
    case 2: execvp(words[0], words); break;
    case 3: execvpe(words[0], words, environ); break;
    case 4: execl(words[0], words[0], words[1], NULL); break;
    case 5: execlp(words[0], words[0], words[1], NULL); break;
    case 6: execle(words[0], words[0], words[1], NULL, environ); break;
    case 7: fexecve(open(words[0], O_RDONLY | O_CLOEXEC), words, environ); break;
    }
    tell("errno", errno);
}

/* What is statically linked: is the signal still blocked, and waiting, or would it have killed? */
static void blocked(void)
{
    sigset_t set;
    raise(SIGUSR2);
    sigpending(&set);
    tell("waits", sigismember(&set, SIGUSR2));
}

static void on_nothing(int number)
{
    (void)number;
}

/* Takes the checkpoint signal and gives it back, asking first; then for good. */
static void takes(void)
{
    struct sigaction own_action = {.sa_handler = on_nothing}, old;
    pid_t child = fork();
    if (child == 0) { /* not the process that is watched */
        sigaction(SIGUSR2, &own_action, NULL);
        _exit(0);
    }
    waitpid(child, NULL, 0);
    sigaction(SIGUSR2, &own_action, &old);
    sigaction(SIGUSR2, &old, NULL);
    signal(SIGUSR1, on_nothing);
    dprintf(2, "given back\n");
    sigaction(SIGUSR2, &own_action, &old);
    signal(SIGUSR1, on_nothing);
    dprintf(2, "taken\n");
    signal(SIGUSR2, on_nothing);
}

static void takes_at_once(void)
{
    signal(SIGUSR2, on_nothing);
}

/* The signal waits, and is heard at last, or never. */
static void blocks(void)
{
    sigset_t set;
    sigemptyset(&set);
    sigaddset(&set, SIGUSR2);
    sigprocmask(SIG_BLOCK, &set, NULL);
    raise(SIGUSR2);
    if (getenv("GUEST_UNBLOCKS") != NULL)
        sigprocmask(SIG_UNBLOCK, &set, NULL);
}

/* What libc does not see: an action set by the system call. */
static void takes_by_call(void)
{
    struct {
        void (*handler)(int);
        unsigned long flags, restorer, mask;
    } ignore = {SIG_IGN, 0, 0, 0};
    syscall(SYS_rt_sigaction, SIGUSR2, &ignore, NULL, 8);
}

int main(int argc, char **argv)
{
    static const struct {
        const char *name;
        void (*run)(void);
    } modes[] = {{"database", database}, {"own-files", own_files}, {"blocks", blocks}, {"takes-by-call", takes_by_call}, {"messages", messages}, {"waiting-sigpipe", waiting_sigpipe},
                 {"file-limit", file_limit}, {"no-descriptors", no_descriptors}, {"island", visit_island},
                 {"alternate", alternate}, {"tiny", tiny}, {"blocked", blocked},
                 {"takes", takes}, {"takes-at-once", takes_at_once}};
    for (size_t i = 0; i < sizeof modes / sizeof *modes; i++)
        if (argc > 1 && strcmp(argv[1], modes[i].name) == 0)
            modes[i].run();
    if (argc > 2 && strcmp(argv[1], "become") == 0)
        become(argv + 2);
    tell("end", 0);
    return 0;
}
