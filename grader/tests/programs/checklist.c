/* checklist.c: sets what a process can be told, each to something that is not its default; the kit compares all of
 * /proc/PID, and what the program can ask for itself. */
#define _GNU_SOURCE
#include "program.h"

#include <fcntl.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/personality.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#define STORE_BYPASS 0
#define PREFER_NODE 1
static char other_stack[65536];

static void put(const char *path, const char *text)
{
    int fd = open(path, O_WRONLY);

    if (write(fd, text, __builtin_strlen(text)) < 0)
        say("no %s", path);
    close(fd);
}

static void set(void)
{
    unsigned long node = 1;
    struct rlimit limit = { 77, 77 };
    stack_t stack = { .ss_sp = other_stack, .ss_size = sizeof other_stack };
    struct sigevent event = { .sigev_notify = SIGEV_NONE };
    sigset_t some;
    int timer;

    put("/proc/self/oom_score_adj", "123");
    put("/proc/self/coredump_filter", "7");
    prctl(PR_SET_KEEPCAPS, 1);
    prctl(PR_MCE_KILL, PR_MCE_KILL_SET, PR_MCE_KILL_EARLY, 0, 0);
    prctl(PR_SET_SPECULATION_CTRL, STORE_BYPASS, PR_SPEC_DISABLE, 0, 0);
    prctl(PR_SET_TIMERSLACK, 54321);
    prctl(PR_SET_NAME, "check (list)");
    syscall(SYS_membarrier, 1 << 4, 0, 0);
    syscall(SYS_set_mempolicy, PREFER_NODE, &node, 8);
    personality(ADDR_NO_RANDOMIZE);
    setrlimit(RLIMIT_MEMLOCK, &limit);
    sigaltstack(&stack, NULL);
    setpriority(PRIO_PROCESS, 0, 3);
    umask(027);
    sigemptyset(&some);
    sigaddset(&some, SIGHUP);
    sigprocmask(SIG_BLOCK, &some, NULL);
    raise(SIGHUP);
    signal(SIGWINCH, SIG_IGN);
    syscall(SYS_timer_create, CLOCK_MONOTONIC, &event, &timer);
}

static void tell(void)
{
    unsigned long nodes[16] = { 0 };
    int mode = -1;
    stack_t stack;

    sigaltstack(NULL, &stack);
    syscall(SYS_get_mempolicy, &mode, nodes, 1024, 0, 0);
    say("keepcaps %d", prctl(PR_GET_KEEPCAPS));
    say("mce %d", prctl(PR_MCE_KILL_GET, 0, 0, 0, 0));
    say("membarrier %d", (int)syscall(SYS_membarrier, 1 << 3, 0, 0));
    say("policy %d %lx", mode, nodes[0]);
    say("stack %d", stack.ss_sp == other_stack);
    say("slack %d", prctl(PR_GET_TIMERSLACK));
    say("speculation %d", prctl(PR_GET_SPECULATION_CTRL, STORE_BYPASS, 0, 0, 0));
}

int main(void)
{
    START();
    set();
    tell();
    gate(1);
    tell();
    gate(2);
    return finish();
}
