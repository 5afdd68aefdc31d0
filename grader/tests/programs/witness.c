/* witness.c: looks on (ptrace) while a program is saved and restarted, and tells what differs where it goes on.
 *
 *     witness SECONDS SIGNAL GATE IMAGE ::: LAUNCH... ::: RESTART...
 *
 * LAUNCH starts the program, which is at its gate when it has written GATE and sleeps. It gets SIGNAL there. A word
 * {image} in RESTART becomes the file that the handler wrote; IMAGE is its name, if it has a fixed one.
 *
 * Nothing is known of the image nor of how restart works. What is compared, page by page, is the whole process at the
 * same instruction in both lives: the system call rt_sigreturn by which the handler returns into the program (or the
 * sleep at the gate, if a handler leaves by other means). What the handler itself has changed is left out, by a third
 * look before the signal. If a restart does not get there, its crash, its end or its hang is looked at.
 *
 * Each line begins with "witness: "; the first that begins with "witness: state: " is the first difference. */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/ptrace.h>
#include <sys/syscall.h>
#include <sys/user.h>
#include <sys/wait.h>
#include <unistd.h>

#ifdef __x86_64__

enum {
    PAGE = 4096,
    MOST_REGIONS = 8192,
    MOST_PROCESSES = 16,
    MOST_CODE = 256, /* mappings of code that are remembered */
    MOST_LINES = 60,
    AGAIN = 200,   /* calls that do nothing, one after the other: a loop */
    CHANGED = 256, /* bytes of a page that can be written: fewer may be the second life's own */
};
#define MOST_BYTES (192ul << 20) /* of a process; the rest is not compared */
#define OUTSIDE    "memory that it never had"

struct region {
    unsigned long start, end;
    char perms[5], name[64]; /* the last part of the name */
    unsigned char *bytes;
};

struct state {
    struct user_regs_struct regs;
    struct region region[MOST_REGIONS];
    int count;
};

struct process {
    pid_t pid;
    int inside; /* of a system call */
    int fresh;  /* its first stop is none of its own signals */
    struct user_regs_struct entry;
};

enum kind { ENTRY, EXIT, SIGNAL, EXEC, END };

struct event {
    enum kind kind;
    pid_t pid;
    int number; /* of a signal; of an end: its wait status */
    struct user_regs_struct regs, entry;
};

static struct state before, after, now; /* at the gate; when the handler returns; in the second life */
static struct process process[MOST_PROCESSES];
static pid_t stopped, current;
static int inject, lines;
static volatile sig_atomic_t late;
static char image[256], chosen[256];

/* What is said */

__attribute__((format(printf, 1, 2))) static void say(const char *format, ...)
{
    static char last[512];
    char line[512];
    va_list list;

    va_start(list, format);
    vsnprintf(line, sizeof line, format, list);
    va_end(list);
    if (strcmp(line, last) != 0 && lines++ < MOST_LINES)
        printf("witness: %s\n", strcpy(last, line));
}

static const char *signal_name(int number)
{
    const char *name = sigabbrev_np(number);
    return name ? name : "?";
}

/* The memory of a process */

static const struct region *find(const struct state *state, unsigned long address)
{
    for (int i = 0; i < state->count; i++)
        if (state->region[i].start <= address && address < state->region[i].end)
            return &state->region[i];
    return NULL;
}

static const char *kind_of(const struct region *region)
{
    if (!region)
        return OUTSIDE;
    return region->name[0] ? region->name : region->perms[0] == '-' ? "a guard region" : "anonymous memory";
}

/* The program's region there, when its handler returned. */
static const struct region *theirs(unsigned long address)
{
    return find(after.count ? &after : &before, address);
}

static const char *was(unsigned long address)
{
    return address < PAGE ? "the null page" : kind_of(theirs(address));
}

static int is_kernel(const struct region *region)
{
    return strncmp(region->name, "[vvar", 5) == 0 || strncmp(region->name, "[vdso", 5) == 0 ||
           strncmp(region->name, "[vsys", 5) == 0;
}

static void forget_state(struct state *state)
{
    for (int i = 0; i < state->count; i++)
        free(state->region[i].bytes);
    state->count = 0;
}

static int read_maps(pid_t pid, struct state *state)
{
    char path[64], *line = NULL;
    size_t room = 0;

    snprintf(path, sizeof path, "/proc/%d/maps", (int)pid);
    FILE *file = fopen(path, "re");
    while (file && state->count < MOST_REGIONS && getline(&line, &room, file) > 0) {
        struct region *r = &state->region[state->count];
        int at = 0;
        memset(r, 0, sizeof *r);
        if (sscanf(line, "%lx-%lx %4s %*s %*s %*s %n", &r->start, &r->end, r->perms, &at) < 3)
            continue;
        line[strcspn(line, "\n")] = '\0';
        const char *name = at ? line + at : "", *slash = strrchr(name, '/');
        snprintf(r->name, sizeof r->name, "%s", slash ? slash + 1 : name);
        state->count++;
    }
    free(line);
    if (file)
        fclose(file);
    return state->count;
}

static void take_state(pid_t pid, struct state *state, int with_bytes)
{
    unsigned long sum = 0;
    char path[64];

    forget_state(state);
    ptrace(PTRACE_GETREGS, pid, NULL, &state->regs);
    read_maps(pid, state);
    snprintf(path, sizeof path, "/proc/%d/mem", (int)pid);
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    for (int i = 0; with_bytes && fd >= 0 && i < state->count; i++) {
        struct region *r = &state->region[i];
        unsigned long size = r->end - r->start;
        if (is_kernel(r) || r->perms[3] == 's' || r->perms[0] != 'r' || sum + size > MOST_BYTES)
            continue;
        sum += size;
        r->bytes = calloc(1, size);
        for (unsigned long at = 0; r->bytes && at < size; at += PAGE)
            if (pread(fd, r->bytes + at, PAGE, (off_t)(r->start + at)) < 0)
                continue; /* behind the end of its file: zeros */
    }
    if (fd >= 0)
        close(fd);
}

static size_t peek(pid_t pid, unsigned long address, void *to, size_t size)
{
    char path[64];
    ssize_t n;

    snprintf(path, sizeof path, "/proc/%d/mem", (int)pid);
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    n = fd < 0 ? 0 : pread(fd, to, size, (off_t)address);
    if (fd >= 0)
        close(fd);
    return n > 0 ? (size_t)n : 0;
}

/* Processes, and what happens to them */

static void on_alarm(int number)
{
    (void)number;
    late = 1;
}

static struct process *known(pid_t pid)
{
    struct process *empty = &process[MOST_PROCESSES - 1];

    for (int i = 0; i < MOST_PROCESSES; i++) {
        if (process[i].pid == pid)
            return &process[i];
        if (!process[i].pid && empty->pid)
            empty = &process[i];
        else if (!process[i].pid && &process[i] < empty)
            empty = &process[i];
    }
    *empty = (struct process){.pid = pid, .fresh = 1};
    return empty;
}

static void start(char **words)
{
    const long options = PTRACE_O_TRACESYSGOOD | PTRACE_O_TRACEFORK | PTRACE_O_TRACEVFORK | PTRACE_O_TRACECLONE |
                         PTRACE_O_TRACEEXEC | PTRACE_O_EXITKILL;
    int status, null = open("/dev/null", O_RDWR | O_CLOEXEC);
    pid_t pid = fork();

    if (pid == 0) {
        dup2(null, 0), dup2(null, 1), dup2(null, 2);
        ptrace(PTRACE_TRACEME, 0, NULL, NULL);
        raise(SIGSTOP);
        execvp(words[0], words);
        _exit(127);
    }
    close(null);
    memset(process, 0, sizeof process);
    waitpid(pid, &status, __WALL);
    ptrace(PTRACE_SETOPTIONS, pid, NULL, options);
    known(pid)->fresh = 0;
    stopped = current = pid;
    inject = 0;
}

static void kill_all(void)
{
    for (int i = 0; i < MOST_PROCESSES; i++)
        if (process[i].pid)
            kill(process[i].pid, SIGKILL);
    while (waitpid(-1, NULL, __WALL) > 0 || errno == EINTR)
        ;
    stopped = 0;
}

/* What a stop means; 0 if it is of no interest. */
static int understand(struct event *event, int status)
{
    struct process *p = known(event->pid);
    int number = WSTOPSIG(status);

    event->number = number;
    if (status >> 16 == PTRACE_EVENT_EXEC) {
        event->kind = EXEC;
        return 1;
    }
    if (status >> 16 || (number == SIGSTOP && p->fresh)) {
        p->fresh = p->fresh && number != SIGSTOP;
        return 0;
    }
    ptrace(PTRACE_GETREGS, event->pid, NULL, &event->regs);
    event->kind = SIGNAL;
    if (number == (SIGTRAP | 0x80)) {
        p->inside = !p->inside;
        event->kind = p->inside ? ENTRY : EXIT;
        p->entry = p->inside ? event->regs : p->entry;
    } else
        inject = number;
    event->entry = p->entry;
    return 1;
}

/* Let it go on to the next event; 0 when nothing is left. */
static int next(struct event *event)
{
    for (;;) {
        int status;
        if (stopped)
            ptrace(PTRACE_SYSCALL, stopped, NULL, (long)inject);
        stopped = inject = 0;
        event->pid = waitpid(-1, &status, __WALL);
        if (event->pid < 0 && errno == EINTR && late) {
            kill(current, SIGSTOP); /* and so look at it where it is */
            continue;
        }
        if (event->pid < 0)
            return 0;
        if (WIFSTOPPED(status)) {
            stopped = current = event->pid;
            if (understand(event, status))
                return 1;
            continue;
        }
        known(event->pid)->pid = 0;
        event->kind = END, event->number = status;
        return 1;
    }
}

static int is_fatal(int number)
{
    return number == SIGSEGV || number == SIGBUS || number == SIGILL || number == SIGFPE || number == SIGABRT ||
           number == SIGTRAP || number == SIGSYS;
}

static int is_sleep(const struct user_regs_struct *regs)
{
    return regs->orig_rax == SYS_nanosleep || regs->orig_rax == SYS_clock_nanosleep;
}

static const char *error_of(long long result)
{
    return strerrorname_np((int)-result) ? strerrorname_np((int)-result) : "an error";
}

/* A call that does nothing, over and over. */
static int again(const struct event *event, const char *who)
{
    static unsigned long long last, count;
    unsigned long long call = event->entry.orig_rax;
    long long result = (long long)event->regs.rax;
    int nothing = (call == SYS_read || call == SYS_write) && result <= 0 && event->entry.rdx > 0;

    count = nothing && call == last ? count + 1 : 0;
    last = call;
    if (count < AGAIN)
        return 0;
    say("%s: %s() returns %s again and again", who, call == SYS_read ? "read" : "write",
        result < 0 ? error_of(result) : "0");
    return 1;
}

/* The first life */

static void note_name(const struct event *event, const char *who)
{
    unsigned long long call = event->entry.orig_rax;
    unsigned long path = call == SYS_openat ? event->entry.rsi : event->entry.rdi;
    unsigned long flags = call == SYS_openat ? event->entry.rdx : call == SYS_creat ? O_WRONLY : event->entry.rsi;
    char name[256] = "";

    if ((call != SYS_open && call != SYS_openat && call != SYS_creat) || (flags & O_ACCMODE) == O_RDONLY)
        return;
    peek(event->pid, path, name, sizeof name - 1);
    if ((long long)event->regs.rax < 0)
        say("%s: open(\"%.200s\") fails: %s", who, name, error_of((long long)event->regs.rax));
    else if (who[0] == 'o')
        strcpy(chosen, name);
    else if (image[0] && strcmp(strrchr(name, '/') ? strrchr(name, '/') + 1 : name, image) == 0)
        say("restart: the image is written again");
}

/* A write of the program's memory that is short or fails. */
static void note_write(const struct event *event)
{
    long long asked = (long long)event->entry.rdx, got = (long long)event->regs.rax;
    const struct region *region = find(&before, event->entry.rsi);

    if (event->entry.orig_rax != SYS_write || got == asked || !region)
        return;
    if (got < 0)
        say("original: write() of %s fails: %s", kind_of(region), error_of(got));
    else
        say("original: write() of %s: %lld of %lld bytes", kind_of(region), got, asked);
}

static int at_gate(const struct event *event, const char *gate, pid_t *program)
{
    char text[4096] = "";

    if (event->kind == EXIT && event->entry.orig_rax == SYS_write && (long long)event->regs.rax > 0) {
        size_t size = event->regs.rax < sizeof text - 1 ? event->regs.rax : sizeof text - 1;
        peek(event->pid, event->entry.rsi, text, size);
        if (memmem(text, sizeof text, gate, strlen(gate)))
            *program = event->pid;
    }
    return event->kind == ENTRY && event->pid == *program && is_sleep(&event->regs);
}

/* Whether the process is where the program goes on. */
static int goes_on(const struct event *event, const struct state *as)
{
    if (event->kind != ENTRY)
        return 0;
    if (event->regs.orig_rax == SYS_rt_sigreturn)
        return !as->count || as->regs.orig_rax != SYS_rt_sigreturn || event->regs.rip == as->regs.rip;
    return is_sleep(&event->regs) && event->regs.rsp == before.regs.rsp && event->regs.rip == before.regs.rip;
}

static void tell_end(const char *who, int status, const char *when)
{
    if (WIFSIGNALED(status))
        say("%s: ends by SIG%s %s", who, signal_name(WTERMSIG(status)), when);
    else
        say("%s: ends with exit status %d %s", who, WEXITSTATUS(status), when);
}

/* From the signal to the handler's end: whether there may be an image. */
static int watch_handler(pid_t program)
{
    struct event e;

    while (next(&e)) {
        if (e.kind == SIGNAL && late) {
            say("original: the handler hangs");
            return 0;
        }
        if (e.kind == SIGNAL && is_fatal(e.number)) {
            say("original: the handler crashes: SIG%s in %s", signal_name(e.number), was(e.regs.rip));
            return 0;
        }
        if (e.kind == EXIT && again(&e, "original"))
            return 0;
        if (e.kind == EXIT)
            note_name(&e, "original"), note_write(&e);
        if (e.pid == program && goes_on(&e, &after)) {
            take_state(program, &after, 1);
            return 1;
        }
        if (e.pid == program && e.kind == ENTRY && e.regs.orig_rax == SYS_exit_group)
            take_state(program, &after, 1);
        if (e.pid == program && e.kind == END) {
            tell_end("original", e.number, "at its checkpoint");
            return after.count > 0 && WIFEXITED(e.number);
        }
    }
    return 0;
}

static int watch_original(char **words, int number, const char *gate)
{
    pid_t program = 0;
    struct event e;

    start(words);
    while (next(&e) && !(e.kind == SIGNAL && late))
        if (at_gate(&e, gate, &program)) {
            take_state(program, &before, 1);
            kill(program, number);
            return watch_handler(program);
        }
    say("original: does not come to its gate");
    return 0;
}

/* The second life, until it goes on */

static struct {
    unsigned long fs;            /* restart's own */
    char exe[64];                /* its program's name */
    unsigned long mapped, asked; /* pages that it mapped where the program had some; the last read's buffer */
    unsigned long last_call;
    long long missing;                                  /* bytes of the last read that did not come */
    unsigned long start, end;                           /* its program */
    unsigned long code[MOST_CODE], code_end[MOST_CODE]; /* where it mapped the program's code */
    int codes;
} own;

static int holds(unsigned long start, unsigned long size, unsigned long address)
{
    return start <= address && address < start + size;
}

/* The name of what it runs: before it has mapped anything. */
static void note_exec(pid_t pid)
{
    char link[64], path[4096] = "";

    snprintf(link, sizeof link, "/proc/%d/exe", (int)pid);
    if (readlink(link, path, sizeof path - 1) < 0)
        return;
    const char *name = strrchr(path, '/') ? strrchr(path, '/') + 1 : path;
    own.fs = own.start = own.end = 0;
    snprintf(own.exe, sizeof own.exe, "%.63s", name);
    forget_state(&now);
    read_maps(pid, &now);
    for (int i = 0; i < now.count; i++)
        if (strcmp(now.region[i].name, own.exe) == 0) {
            own.start = own.start ? own.start : now.region[i].start;
            own.end = now.region[i].end;
        }
    for (int i = 0; i < before.count; i++)
        if (before.region[i].name[0] && strcmp(before.region[i].name, name) == 0)
            say("restart: starts the program %s anew", own.exe);
}

/* Memory at start is about to be another's: is it what restart stands on? Looked at when the call begins. */
static void note_overlay(const struct event *event, const char *what, unsigned long start, unsigned long size)
{
    const char *over = NULL;
    struct region *r;

    if (holds(start, size, event->regs.rsp))
        over = "the stack that it runs on";
    else if (holds(start, size, event->regs.rip))
        over = "the code that it runs";
    forget_state(&now);
    read_maps(event->pid, &now);
    for (int i = 0; !over && i < now.count; i++) {
        r = &now.region[i];
        if (r->start < start + size && start < r->end && strcmp(r->name, own.exe) == 0)
            over = r->perms[1] == 'w' ? "its own data" : "its own program";
    }
    if (!over)
        return;
    say("restart: %s %s over %s", what, was(start), over);
}

static void note_entry(const struct event *event)
{
    unsigned long start = event->regs.rdi, size = event->regs.rsi;

    if (!own.fs)
        own.fs = event->regs.fs_base;
    own.last_call = event->regs.orig_rax;
    if (event->regs.orig_rax == SYS_mmap && (event->regs.r10 & MAP_FIXED) && theirs(start))
        note_overlay(event, "maps", start, size);
    else if (event->regs.orig_rax == SYS_munmap && holds(start, size, event->regs.rsp))
        say("restart: unmaps the stack that it runs on");
    else if (event->regs.orig_rax == SYS_munmap && holds(start, size, event->regs.rip))
        say("restart: unmaps the code that it runs");
}

static void note_mmap(const struct event *event)
{
    unsigned long asked = event->entry.rdi, got = event->regs.rax;

    if (event->entry.orig_rax != SYS_mmap || !asked || !theirs(asked))
        return;
    if ((long long)got < 0 && (long long)got > -PAGE)
        say("restart: mmap() of %s %lx fails: %s", was(asked), asked, error_of((long long)got));
    else if (got != asked)
        say("restart: mmap() without MAP_FIXED: asked for %lx (%s), got %lx", asked, was(asked), got);
    else
        own.mapped++;
    if (got == asked && strchr(theirs(asked)->perms, 'x') && own.codes < MOST_CODE) {
        own.code[own.codes] = asked;
        own.code_end[own.codes++] = asked + event->entry.rsi;
    }
}

static void note_read(const struct event *event)
{
    unsigned long to = event->entry.rsi;
    long long asked = (long long)event->entry.rdx, got = (long long)event->regs.rax;

    if (event->entry.orig_rax != SYS_read)
        return;
    if (own.missing > 0 && got > 0 && to != own.asked)
        say("restart: read() left %lld bytes out, and they were not asked for again", own.missing);
    own.missing = 0;
    if (!theirs(to) || asked < PAGE)
        return;
    if (got < 0)
        say("restart: read() into %s %lx fails: %s", was(to), to, error_of(got));
    else if (got == 0)
        say("restart: the image has no bytes left for %s %lx", was(to), to);
    else if (got < asked)
        own.missing = asked - got, own.asked = to + (unsigned long)got;
}

static void note_failure(const struct event *event)
{
    unsigned long long call = event->entry.orig_rax;
    long long result = (long long)event->regs.rax;

    if (result >= 0 || result < -4095)
        return;
    if (call == SYS_mremap)
        say("restart: mremap() of %llx fails: %s", event->entry.rdi, error_of(result));
    else if (call == SYS_mprotect)
        say("restart: mprotect() of %llx fails: %s", event->entry.rdi, error_of(result));
    else if (call == SYS_arch_prctl && event->entry.rdi == 0x1002)
        say("restart: arch_prctl(ARCH_SET_FS) fails: %s", error_of(result));
}

/* The crash */

/* movaps and its like with the stack's address; fldenv and ldmxcsr, what setcontext() loads from fpregs: then memory
 * is as restart wants it, and 1 is returned. */
static int tell_instruction(pid_t pid, const struct user_regs_struct *regs, int code)
{
    unsigned char text[16] = "";
    const unsigned char *p = text;

    peek(pid, regs->rip, text, sizeof text);
    if (p[0] == 0xd9 && (p[1] >> 3 & 7) == 4) {
        say("crash: fldenv: uc_mcontext.fpregs leads nowhere");
        return 1;
    }
    if (p[0] == 0x0f && p[1] == 0xae && (p[2] >> 3 & 7) == 2) {
        say("crash: ldmxcsr: the context to go to is not there");
        return 1;
    }
    if (code != SI_KERNEL)
        return 0;
    p += *p == 0x66;
    p += (*p & 0xf0) == 0x40;
    if (p[0] == 0x0f && strchr("\x28\x29\x6f\x7f\x2b\xe7", p[1]) && p[1] && regs->rsp % 16 == 8)
        say("crash: movaps, and the stack pointer %llx is no multiple of 16", regs->rsp);
    return 0;
}

static int jumped(const struct user_regs_struct *regs)
{
    const struct region *there = find(&now, regs->rip);

    if (own.last_call == SYS_rt_sigprocmask && own.mapped)
        return !there || strcmp(there->name, own.exe) != 0;
    if (own.start <= regs->rip && regs->rip < own.end)
        return 0;
    for (int i = 0; i < own.codes; i++)
        if (own.code[i] <= regs->rip && regs->rip < own.code_end[i])
            return 1;
    return 0;
}

static void tell_stack(const struct user_regs_struct *regs, unsigned long address)
{
    const unsigned long near = 1ul << 16;
    const struct region *there = find(&now, address);
    int ends = there && there->perms[0] == 'r' ? 0 : now.count; /* what can be read is no end of a stack */

    for (int i = 0; i < ends; i++) {
        const struct region *r = &now.region[i];
        if (address < r->start && r->start - address < near && regs->rsp < r->end && regs->rsp + near > r->start &&
            strchr(r->perms, 'w') &&
            (i == 0 || now.region[i - 1].end <= address || now.region[i - 1].perms[1] != 'w'))
            say("crash: just below the stack that it runs on, which has %lu bytes", r->end - r->start);
    }
    if (!find(&now, regs->rsp) && !find(&now, regs->rsp - 8))
        say("crash: nothing is mapped where the stack pointer is");
}

/* Whether it is worth to compare: 2 if nothing has run since memory was rebuilt. */
static int tell_crash(const struct event *event)
{
    siginfo_t info = {0};
    unsigned long address, rip = event->regs.rip;
    int gone, done = 0;

    ptrace(PTRACE_GETSIGINFO, event->pid, NULL, &info);
    address = (unsigned long)info.si_addr;
    gone = jumped(&event->regs);
    say("crash: SIG%s %s the jump, in %s", signal_name(event->number), gone ? "after" : "before",
        find(&now, rip) ? kind_of(find(&now, rip)) : was(rip));
    if (event->number == SIGSEGV || event->number == SIGBUS) {
        if (info.si_code != SI_KERNEL)
            say("crash: at address %lx: the program had %s there, now it is %s", address, was(address),
                find(&now, address) ? find(&now, address)->perms : "not mapped");
        done = tell_instruction(event->pid, &event->regs, info.si_code);
        if (info.si_code != SI_KERNEL && !gone)
            tell_stack(&event->regs, address);
    }
    return done ? 2 : gone;
}

/* What differs */

static void compare_kernel(const struct region *old)
{
    const struct region *there = find(&now, old->start);

    if (strncmp(old->name, "[vsys", 5) == 0 || (there && strcmp(there->name, old->name) == 0))
        return;
    for (int i = 0; i < now.count; i++)
        if (strcmp(now.region[i].name, old->name) == 0) {
            say("state: %s is at %lx, the program had it at %lx", old->name, now.region[i].start, old->start);
            return;
        }
    say("state: %s is %s", old->name, there ? "ordinary memory now" : "not there");
}

static int is_zero(const unsigned char *page)
{
    for (int i = 0; i < PAGE; i++)
        if (page[i])
            return 0;
    return 1;
}

/* Pages that the handler left alone, and that are not as they were; how many of them are zeros now. */
static int other_pages(const struct region *first, const struct region *old, const struct region *new_, int strict,
                       int *zeros)
{
    unsigned long from = old->start > new_->start ? old->start : new_->start;
    unsigned long to = old->end < new_->end ? old->end : new_->end;
    int pages = 0;

    if (!first || !old->bytes || !new_->bytes || !first->bytes || first->start > from || first->end < to)
        return 0;
    for (unsigned long page = from; page < to; page += PAGE) {
        int bytes = 0;
        for (unsigned long at = page; at < page + PAGE; at++)
            if (at >= after.regs.rsp || at + (1ul << 20) < after.regs.rsp) /* below the stack is nothing */
                bytes += new_->bytes[at - new_->start] != old->bytes[at - old->start] &&
                         first->bytes[at - first->start] == old->bytes[at - old->start];
        if (bytes > (strict ? 0 : CHANGED))
            pages++, *zeros += is_zero(new_->bytes + (page - new_->start));
    }
    return pages;
}

static void compare_region(int number, int went_on)
{
    const struct region *old = &after.region[number], *there;
    int pages = 0, zeros = 0, writable = old->perms[1] == 'w';

    for (unsigned long at = old->start; at < old->end; at = there->end) {
        there = find(&now, at);
        if (!there) {
            say("state: region %d of %d, %s %lx-%lx, is not there%s", number + 1, after.count, kind_of(old),
                old->start, old->end, at == old->start ? "" : " as a whole");
            return;
        }
        for (int i = 0; i < 3; i++)
            if (old->perms[i] != '-' && there->perms[i] == '-') {
                say("state: region %d of %d, %s %lx-%lx, has other protections: %s, were %s", number + 1,
                    after.count, kind_of(old), old->start, old->end, there->perms, old->perms);
                return;
            }
        if (old->perms[0] == 'r' && (went_on || !writable))
            pages += other_pages(find(&before, at), old, there, !writable, &zeros);
    }
    if (pages)
        say("state: region %d of %d, %s %lx-%lx, has other bytes in %d page%s (%s)", number + 1, after.count,
            kind_of(old), old->start, old->end, pages, pages == 1 ? "" : "s",
            zeros == pages ? "zeros"
            : zeros        ? "some are zeros"
                           : "no zeros");
}

static void compare(int went_on)
{
    int said = lines;

    if (now.regs.fs_base != after.regs.fs_base && now.regs.fs_base == own.fs)
        say("state: the TLS base is still restart's: fs is %llx, the program had %llx", now.regs.fs_base,
            after.regs.fs_base);
    else if (now.regs.fs_base != after.regs.fs_base)
        say("state: the TLS base is another: fs is %llx, the program had %llx", now.regs.fs_base,
            after.regs.fs_base);
    if (went_on && after.regs.orig_rax == SYS_rt_sigreturn && now.regs.rip == after.regs.rip &&
        now.regs.rsp != after.regs.rsp)
        say("state: the stack pointer is %llx, the program had %llx", now.regs.rsp, after.regs.rsp);
    for (int i = 0; i < after.count; i++)
        if (is_kernel(&after.region[i]))
            compare_kernel(&after.region[i]);
    for (int i = 0; i < after.count; i++)
        if (!is_kernel(&after.region[i]))
            compare_region(i, went_on);
    if (went_on && lines == said)
        say("state: no difference");
}

/* setcontext() first sets the signal mask: from the context, which is not there. Memory is as restart wants it then. */
static int no_context(const struct event *event)
{
    if (event->kind != EXIT || event->entry.orig_rax != SYS_rt_sigprocmask ||
        (long long)event->regs.rax != -EFAULT || !own.mapped)
        return 0;
    say("restart: setcontext() fails: there is nothing at %llx (%s)", event->entry.rsi, was(event->entry.rsi));
    take_state(event->pid, &now, 1);
    compare(1);
    return 1;
}

static void watch_restart(char **words)
{
    struct event e;

    start(words);
    while (next(&e)) {
        if (e.kind == EXEC)
            note_exec(e.pid);
        if (goes_on(&e, &after) && own.mapped) {
            take_state(e.pid, &now, 1);
            compare(1);
            return;
        }
        if (e.kind == SIGNAL && (is_fatal(e.number) || late)) {
            take_state(e.pid, &now, 1);
            if (late)
                say("restart: hangs in %s",
                    find(&now, e.regs.rip) ? kind_of(find(&now, e.regs.rip)) : was(e.regs.rip));
            int worth = late ? jumped(&e.regs) : tell_crash(&e);
            if (worth)
                compare(worth == 2);
            return;
        }
        if (no_context(&e))
            return;
        if (e.kind == ENTRY)
            note_entry(&e);
        if (e.kind == EXIT) {
            note_mmap(&e), note_read(&e), note_failure(&e);
            if (own.mapped)
                note_name(&e, "restart");
            if (again(&e, "restart"))
                return;
        }
        if (e.kind == END && e.number != 0)
            tell_end("restart", e.number, "before the program goes on");
        else if (e.kind == END)
            say("restart: ends with exit status 0 before the program goes on");
    }
}

/* The words behind the next ":::"; NULL-terminated in place. */
static char **part(char **words)
{
    while (*words && strcmp(*words, ":::") != 0)
        words++;
    if (!*words)
        return NULL;
    *words = NULL;
    return words + 1;
}

int main(int argc, char **argv)
{
    struct sigaction action = {.sa_handler = on_alarm};
    char **launch = argc > 5 ? part(argv + 5) : NULL, **restart = launch ? part(launch) : NULL;

    if (!restart || !launch[0] || !restart[0]) {
        fprintf(stderr, "usage: witness SECONDS SIGNAL GATE IMAGE ::: LAUNCH... ::: RESTART...\n");
        return 64;
    }
    setvbuf(stdout, NULL, _IOLBF, 0);
    snprintf(image, sizeof image, "%s", argv[4]);
    sigaction(SIGALRM, &action, NULL);
    alarm((unsigned)atoi(argv[1]));
    int saved = watch_original(launch, atoi(argv[2]), argv[3]);
    kill_all();
    for (char **word = restart; *word; word++)
        if (strcmp(*word, "{image}") == 0 && chosen[0])
            *word = chosen;
    late = 0;
    alarm((unsigned)atoi(argv[1]));
    if (saved)
        watch_restart(restart);
    kill_all();
    return 0;
}

#else

int main(void)
{
    return 0; /* it knows the registers of x86-64 alone */
}

#endif
