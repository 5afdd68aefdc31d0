/*
 * live.c - a program that is saved by ckpt --live, for test_live.py.  It holds the moment: the checkpoint signal is blocked
 * but for one, so the child that saves it can do its work, ask for the last changes, and wait.  Then the program changes
 * all sorts of memory, lets the signal come, and prints what it has.  Both lives must print the same.
 *
 *     live deeds N [fork]  changes memory, N times; each time the image gets another name, too: image.0, image.1...
 *     live notice          says what it noticed of the child
 *     live killed          kills the child, and asks once more
 *     live traced          tells the child's pid, that of the second one, and goes on when there is a file named traced
 *     live now             ckpt_now() while a child is at work
 *     live exec PROG       becomes another program meanwhile
 *     live forbidden       what it has may not be read while it is copied, and may again before the last changes
 *     live direct FILE     ...with FILE open for direct reads (O_DIRECT)
 *     live late            ...and meanwhile has a userfaultfd(2) of its own
 *     live sandbox         sets a filter of system calls meanwhile, which kills who opens a file
 *     live over            maps something else over what the child works in
 *     live namespace       its children are to live in another PID namespace
 *     live vfork           a child that shares its memory is asked meanwhile
 *     live numbers         ckpt_now(), and a signal, each while a child may be at work
 *     live shared          asks, with much shared memory, and stays
 *     live locks           holds locks, in memory that a child has and in such that it has not, and lets them go in the end
 *     live once            asks, and ends when there is a file named image, or one named enough
 */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <poll.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#define PAGE 4096
#define PAGES 64

extern int ckpt_now(void) __attribute__((weak));

static sigset_t signal_set, old_set;
static char *kinds[8], *home, *away;
static int children_heard;

static void on_child(int number)
{
    children_heard++;
}

/* One checkpoint signal is taken, and no further one. */
static void hold(void)
{
    sigset_t none;
    struct epoll_event event;
    int fd = epoll_create1(EPOLL_CLOEXEC);
    sigemptyset(&signal_set);
    sigaddset(&signal_set, SIGUSR2);
    sigprocmask(SIG_BLOCK, &signal_set, &old_set);
    raise(SIGUSR2);
    sigemptyset(&none);
    epoll_pwait(fd, &event, 1, 1000, &none); /* sigsuspend(2) and ppoll(2) would go on, with the next one */
    close(fd);
}

static void wait_until_ready(void)
{
    sigset_t pending;
    do
        sigpending(&pending);
    while (!sigismember(&pending, SIGUSR2));
}

/* Meanwhile memory is mapped anew, where signs of the last image may be. */
static void map_anew_until_ready(void)
{
    sigset_t pending;
    do {
        mmap(home + 20 * PAGE, PAGE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED, -1, 0);
        home[20 * PAGE] = 21;
        sigpending(&pending);
    } while (!sigismember(&pending, SIGUSR2));
}

static void let_go(void)
{
    sigprocmask(SIG_UNBLOCK, &signal_set, NULL);
}

static char *map(int flags)
{
    char *at = mmap(NULL, PAGES * PAGE, PROT_READ | PROT_WRITE, flags | MAP_ANONYMOUS, -1, 0);
    for (int i = 0; i < PAGES * PAGE; i++)
        at[i] = (char)(i * 7 + i / PAGE);
    return at;
}

static uint64_t sum(const char *at, size_t size)
{
    uint64_t sum = 1;
    for (size_t i = 0; i < size; i++)
        sum = sum * 31 + (unsigned char)at[i];
    return sum;
}

static void prepare(void)
{
    for (int i = 0; i < 8; i++) {
        kinds[i] = map(i == 4 ? MAP_SHARED : MAP_PRIVATE);
        mmap(NULL, PAGE, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0); /* they stay apart */
    }
    madvise(kinds[5], PAGES * PAGE, MADV_DONTFORK);
    madvise(kinds[6], PAGES * PAGE, MADV_WIPEONFORK);
    mprotect(kinds[7] + 8 * PAGE, 8 * PAGE, PROT_NONE);
    madvise(kinds[7] + 32 * PAGE, 4 * PAGE, 102 /* MADV_GUARD_INSTALL */);
    home = map(MAP_PRIVATE);
    away = mmap(NULL, PAGE, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    mremap(home + 10 * PAGE, PAGE, PAGE, MREMAP_MAYMOVE | MREMAP_FIXED, away);
}

/* Three regions become one again; the kernel notes no more what is written to any of them. */
static void come_home(void)
{
    mremap(away, PAGE, PAGE, MREMAP_MAYMOVE | MREMAP_FIXED, home + 10 * PAGE);
    memset(home + 9 * PAGE, 8, 3 * PAGE);
}

static void change(void)
{
    for (int kind = 0; kind < 7; kind++)
        for (int i = 0; i < 20; i++)
            kinds[kind][i * 3 * PAGE + i * 100] ^= 0x55;
    madvise(kinds[0] + 20 * PAGE, 10 * PAGE, MADV_DONTNEED);
    munmap(kinds[1] + 16 * PAGE, 16 * PAGE);
    mmap(kinds[1] + 18 * PAGE, 8 * PAGE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED, -1, 0);
    memset(kinds[1] + 20 * PAGE, 9, 100);
    kinds[2] = mremap(kinds[2], PAGES * PAGE, 2 * PAGES * PAGE, MREMAP_MAYMOVE);
    kinds[2][PAGES * PAGE + 5] = 5;
    mprotect(kinds[3] + 10 * PAGE, 20 * PAGE, PROT_NONE);
    memset(malloc(50 * 1000), 3, 50 * 1000);
    char *more = sbrk(30 * PAGE);
    memset(more, 4, 30 * PAGE);
    mprotect(kinds[7] + 8 * PAGE, 8 * PAGE, PROT_READ | PROT_WRITE);
    come_home();
}

static void tell(void)
{
    mprotect(kinds[3] + 10 * PAGE, 20 * PAGE, PROT_READ | PROT_WRITE);
    for (int kind = 0; kind < 8; kind++) {
        size_t whole = kind == 1 ? 16 * PAGE : kind == 7 ? 32 * PAGE : PAGES * PAGE;
        printf("%d: %016lx\n", kind, sum(kinds[kind], whole));
    }
    printf("replaced: %016lx\n", sum(kinds[1] + 18 * PAGE, 8 * PAGE));
    printf("moved: %016lx\n", sum(kinds[2], 2 * PAGES * PAGE));
    printf("home: %016lx\n", sum(home, PAGES * PAGE));
    printf("heap: %016lx\n", sum((char *)sbrk(0) - 30 * PAGE, 30 * PAGE));
    fflush(stdout);
}

/* What a program could notice of a child that is not its own. */
static void notice(const int pipe_ends[2])
{
    char byte;
    close(pipe_ends[1]);
    printf("end of the pipe: %ld\n", read(pipe_ends[0], &byte, 1));
    errno = 0;
    int waited = waitpid(-1, NULL, WNOHANG);
    printf("children: %d, errno %d\n", waited, errno);
    pid_t child = fork();
    if (child == 0)
        _exit(3);
    int status = 0;
    waited = wait(&status) == child;
    printf("my own: %d, %d; SIGCHLD: %d\n", waited, WEXITSTATUS(status), children_heard);
}

static void deeds(int times, int forks)
{
    struct stat st;
    for (int i = 0; i < times; i++) {
        char name[32];
        snprintf(name, sizeof name, "image.%d", i);
        hold();
        errno = 77;
        if (!forks && i == 0)
            wait_until_ready();
        else if (!forks)
            map_anew_until_ready();
        if (i == 0)
            change();
        kinds[0][i]++;
        let_go();
        if (errno != 77)
            puts("errno was changed");
        while (stat(name, &st) != 0 && link("image", name) != 0)
            usleep(1000);
        unlink("image");
        printf("after %d\n", i);
        tell();
    }
}

static pid_t find_child(void)
{
    char path[64];
    int pid = 0;
    snprintf(path, sizeof path, "/proc/self/task/%d/children", getpid());
    FILE *file = fopen(path, "r");
    if (file != NULL && fscanf(file, "%d", &pid) != 1)
        pid = 0;
    if (file != NULL)
        fclose(file);
    return pid;
}

/* The file grows when the first page is copied. */
static void forbidden(void)
{
    size_t size = 64UL << 20;
    char *at = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0), name[32];
    for (size_t i = 0; i < size; i += PAGE)
        at[i] = (char)(i / PAGE % 251 + 1);
    snprintf(name, sizeof name, "image.tmp.%d", getpid());
    hold();
    struct stat st;
    while (stat(name, &st) != 0 || st.st_size == 0)
        ;
    mprotect(at, size, PROT_NONE);
    usleep(20 * 1000);
    mprotect(at, size, PROT_READ | PROT_WRITE);
    let_go();
    while (stat("image", &st) != 0)
        usleep(1000);
    size_t lost = 0;
    for (size_t i = 0; i < size; i += PAGE)
        lost += at[i] != (char)(i / PAGE % 251 + 1);
    printf("lost: %zu\n", lost);
}

static void notice_all(char **words)
{
    int pipe_ends[2];
    if (pipe(pipe_ends) != 0)
        exit(1);
    hold();
    notice(pipe_ends);
    let_go();
}

static void wait_for(const char *one, const char *other)
{
    struct stat st;
    while (stat(one, &st) != 0 && stat(other, &st) != 0)
        usleep(1000);
}

static void kill_the_child(char **words)
{
    siginfo_t info;
    sigset_t pending;
    hold();
    pid_t child = find_child();
    kill(child, SIGKILL);
    waitid(P_PID, (id_t)child, &info, WEXITED | WNOWAIT | __WCLONE);
    sigpending(&pending); /* it may have sent its signal already */
    let_go();
    if (!sigismember(&pending, SIGUSR2))
        raise(SIGUSR2);
    wait_for("image", "image");
    puts("goes on");
}

static void traced(char **words)
{
    siginfo_t info;
    for (int i = 0; i < 2; i++) {
        hold();
        wait_until_ready();
        if (i == 1) {
            printf("%d\n", find_child());
            fflush(stdout);
            wait_for("traced", "traced");
        }
        let_go();
        waitid(P_PID, (id_t)find_child(), &info, WEXITED | WNOWAIT | __WCLONE); /* the next one is another */
    }
    puts("goes on");
}

static void now(char **words)
{
    hold();
    let_go();
    printf("now: %d\n", ckpt_now());
}

static void become(char **words)
{
    hold();
    execv(words[0], words);
}

static void direct(char **words)
{
    char *at = kinds[0];
    if (open(words[0], O_RDONLY | O_DIRECT) < 0) {
        puts("no direct reads here");
        return;
    }
    hold();
    wait_until_ready();
    let_go();
    wait_for("image", "image");
    printf("sum: %lx\n", sum(at, PAGES * PAGE));
}

static void late(char **words)
{
    hold();
    wait_until_ready();
    if (syscall(SYS_userfaultfd, O_CLOEXEC | 1 /* UFFD_USER_MODE_ONLY */) < 0)
        puts("no userfaultfd");
    let_go();
    wait_for("image", "image");
    puts("late");
}

/* A child that is stopped before it asks for the last changes.  0: this is a second life, which has none. */
static pid_t hold_the_child(void)
{
    siginfo_t info;
    sigset_t pending;
    for (;;) {
        hold();
        pid_t child = find_child();
        if (child == 0)
            return 0;
        kill(child, SIGSTOP);
        waitid(P_PID, (id_t)child, &info, WSTOPPED | WEXITED | WNOWAIT | __WCLONE);
        sigpending(&pending);
        if (!sigismember(&pending, SIGUSR2))
            return child;
        kill(child, SIGCONT); /* too late: once more */
        let_go();
    }
}

static void let_child_end(pid_t child)
{
    siginfo_t info;
    if (child == 0)
        return;
    kill(child, SIGCONT);
    waitid(P_PID, (id_t)child, &info, WEXITED | WNOWAIT | __WCLONE);
}

static void set_sandbox(void)
{
    struct sock_filter words_of_it[] = {
        BPF_STMT(BPF_LD | BPF_W | BPF_ABS, 0), BPF_JUMP(BPF_JMP | BPF_JEQ, SYS_openat, 0, 1),
        BPF_STMT(BPF_RET, SECCOMP_RET_KILL_PROCESS), BPF_STMT(BPF_RET, SECCOMP_RET_ALLOW)};
    struct sock_fprog program = {sizeof words_of_it / sizeof *words_of_it, words_of_it};
    if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) != 0 || prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &program) != 0)
        puts("no filters");
}

static void sandbox(char **words)
{
    memset(mmap(NULL, 64UL << 20, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0), 1, 64UL << 20);
    pid_t child = hold_the_child();
    set_sandbox();
    let_go();
    let_child_end(child);
    puts("still here");
}

/* What both work in is shared memory without a file; so is what takes its place, just there. */
static void over(char **words)
{
    char line[200], *at = NULL;
    unsigned long start, end;
    size_t size = 0, wrong = 0;
    hold();
    wait_until_ready();
    FILE *maps = fopen("/proc/self/maps", "r");
    while (fgets(line, sizeof line, maps) != NULL)
        if (strstr(line, "/dev/zero") != NULL && sscanf(line, "%lx-%lx", &start, &end) == 2 &&
            (char *)start != kinds[4]) {
            at = (char *)start;
            size = end - start;
        }
    fclose(maps);
    mmap(at, size, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS | MAP_FIXED, -1, 0);
    memset(at, 1, size);
    let_go();
    wait_for("image", "image");
    for (size_t i = 0; i < size; i++)
        wrong += at[i] != 1;
    printf("%zu, %zu wrong\n", size, wrong);
}

static void namespace(char **words)
{
    if (unshare(CLONE_NEWPID) != 0)
        puts("no namespaces");
    raise(SIGUSR2);
    wait_for("image", "image");
    pid_t child = fork();
    if (child == 0)
        _exit(getpid());
    int status = 0;
    waitpid(child, &status, 0);
    printf("the first of them is %d\n", WEXITSTATUS(status));
}

/* Its checkpoint is taken in place, and the program's goes on. */
static void ask_a_vfork(char **words)
{
    int status = 0;
    memset(mmap(NULL, 64UL << 20, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0), 1, 64UL << 20);
    pid_t saver = hold_the_child();
    let_go();
    pid_t child = vfork();
    if (child == 0) {
        raise(SIGUSR2);
        _exit(find_child() == 0 ? 0 : 8);
    }
    waitpid(child, &status, 0);
    printf("child: %d\n", WEXITSTATUS(status));
    let_child_end(saver);
    puts("end");
}

static void numbers(char **words)
{
    raise(SIGUSR2);
    if (ckpt_now() == 0)
        raise(SIGUSR2);
}

static void shared(char **words)
{
    size_t size = 64UL << 20;
    memset(mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0), 1, size);
    raise(SIGUSR2);
    for (;;)
        pause();
}

static void once(char **words)
{
    raise(SIGUSR2);
    puts("still here");
    fflush(stdout);
    wait_for("image", "enough");
    puts("end");
}

/* Each of them tells an owner from a stranger.  Two have their owner in another page than their first or last word. */
static void locks(char **words)
{
    static pthread_mutex_t first;
    pthread_mutex_t *all[] = {&first, (void *)(kinds[0] + PAGE - 8), (void *)(kinds[0] + 3 * PAGE - 16),
                              (void *)kinds[2], (void *)kinds[5], (void *)kinds[6]};
    pthread_rwlock_t *writers = (void *)(kinds[1] + PAGE - 32);
    pthread_mutexattr_t strict;
    pthread_mutexattr_init(&strict);
    pthread_mutexattr_settype(&strict, PTHREAD_MUTEX_ERRORCHECK);
    for (int i = 0; i < 6; i++)
        if (pthread_mutex_init(all[i], &strict) != 0 || pthread_mutex_lock(all[i]) != 0)
            puts("no lock");
    pthread_rwlock_init(writers, NULL);
    pthread_rwlock_wrlock(writers);
    raise(SIGUSR2);
    wait_for("image", "image");
    for (int i = 0; i < 6; i++)
        printf("%d ", pthread_mutex_unlock(all[i]));
    printf("%d\n", pthread_rwlock_timedwrlock(writers, &(struct timespec){1, 0}) == EDEADLK);
}

static void all_deeds(char **words)
{
    deeds(atoi(words[0]), words[1] != NULL);
}

static void not_readable(char **words)
{
    forbidden();
}

static const struct {
    const char *name;
    void (*run)(char **words);
} modes[] = {
    {"deeds", all_deeds}, {"notice", notice_all}, {"killed", kill_the_child}, {"traced", traced}, {"now", now}, {"exec", become},
    {"direct", direct}, {"late", late}, {"sandbox", sandbox}, {"over", over}, {"namespace", namespace}, {"vfork", ask_a_vfork},
    {"numbers", numbers}, {"shared", shared}, {"forbidden", not_readable}, {"once", once},
    {"locks", locks},
};

int main(int argc, char **argv)
{
    signal(SIGCHLD, on_child);
    prepare();
    for (size_t i = 0; i < sizeof modes / sizeof *modes; i++)
        if (strcmp(argv[1], modes[i].name) == 0)
            modes[i].run(argv + 2);
    return 0;
}
