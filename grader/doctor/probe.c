/*
 * probe.c - asks the kernel what it lets a process do, by trying.
 *
 * Each probe is a function that runs in a child of its own, so that what it breaks (its vdso, its
 * rseq area) does no harm. It says what it found by one line on standard output:
 *
 *     STATUS|NAME|FACT|WHAT TO DO        STATUS is ok, limited or missing
 *
 * A probe that dies, or that hangs, is reported as well: emulators do that. The script `doctor`
 * next to this file compiles it, runs it and lays the lines out.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <linux/prctl.h>
#include <linux/rseq.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/auxv.h>
#include <sys/mman.h>
#include <sys/personality.h>
#include <sys/prctl.h>
#include <sys/ptrace.h>
#include <sys/resource.h>
#if __has_include(<sys/rseq.h>)
#include <sys/rseq.h>
#endif
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#ifndef AT_RSEQ_FEATURE_SIZE
#define AT_RSEQ_FEATURE_SIZE 27
#define AT_RSEQ_ALIGN 28
#endif
#ifndef PR_GET_TID_ADDRESS
#define PR_GET_TID_ADDRESS 40
#endif
#ifndef SEEK_HOLE
#define SEEK_HOLE 4
#endif

#define PROBE_SECONDS 5 /* after that, a probe hangs */
#ifndef RSEQ_SIG /* the processor's own; a libc without <sys/rseq.h> has registered none */
#define RSEQ_SIG 0x53053053
#endif

/* glibc 2.35 and later say where the thread's rseq area is; older ones have none. */
extern const ptrdiff_t __rseq_offset __attribute__((weak));
extern const unsigned int __rseq_size __attribute__((weak));

static void say(const char *status, const char *name, const char *advice, const char *fact, ...)
{
    va_list args;
    va_start(args, fact);
    printf("%s|%s|", status, name);
    vprintf(fact, args);
    printf("|%s\n", advice);
    fflush(stdout);
    va_end(args);
}

/* --- the address space --- */

static void probe_maps(void)
{
    static const char *names[] = {"[stack]", "[heap]", "[vdso]"};
    char line[4200];
    int found = 0;
    free(malloc(100)); /* there is a heap now */
    FILE *maps = fopen("/proc/self/maps", "r");
    while (maps && fgets(line, sizeof line, maps))
        for (size_t i = 0; i < 3; i++)
            if (strstr(line, names[i]))
                found |= 1 << i;
    if (found == 7)
        say("ok", "maps", "", "/proc/self/maps names the stack, the heap and the vdso");
    else
        say("limited", "maps", "the kernel's own regions may be saved as if they were the program's",
            "/proc/self/maps lacks%s%s%s", found & 1 ? "" : " [stack]", found & 2 ? "" : " [heap]",
            found & 4 ? "" : " [vdso]");
}

__attribute__((noinline, aligned(64))) static void do_nothing(void)
{
}

static void probe_exec_memory(void)
{
    char *code = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    memcpy(code, (const char *)(uintptr_t)do_nothing, 16); /* as stage 3 does: code is copied, whatever the processor */
    if (mprotect(code, 4096, PROT_READ | PROT_EXEC) != 0) {
        say("missing", "restorer", "SELinux? allow execmem; stage 3 cannot copy its restorer",
            "memory that was written cannot be made executable: %s", strerror(errno));
        return;
    }
    __builtin___clear_cache(code, code + 16);
    ((void (*)(void))code)();
    say("ok", "restorer", "", "copied code can be run (the restorer of stage 3)");
}

static void probe_growsdown(void)
{
    size_t size = 1 << 16;
    char *stack = mmap(NULL, size, PROT_READ | PROT_WRITE,
                       MAP_PRIVATE | MAP_ANONYMOUS | MAP_GROWSDOWN, -1, 0);
    if (stack == MAP_FAILED)
        say("limited", "stack", "a restarted program's stack does not grow", "no MAP_GROWSDOWN: %s",
            strerror(errno));
    else
        say("ok", "stack", "", "mmap() makes stacks that grow (MAP_GROWSDOWN)");
}

static int is_kernels(const char *line)
{
    return strstr(line, "[vdso]") || strstr(line, "[vvar");
}

/* Moves one region to a free place. Its old place stays empty. Returns 0 or errno. */
static int move_away(unsigned long start, unsigned long end)
{
    size_t size = end - start;
    void *to = mmap(NULL, size, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (mremap((void *)start, size, size, MREMAP_MAYMOVE | MREMAP_FIXED, to) == MAP_FAILED)
        return errno;
    return 0;
}

static void say_unmoved(const char *region, int error)
{
    say("missing", "vdso", error == EPERM ? "boot a kernel without CONFIG_MSEAL_SYSTEM_MAPPINGS: here a "
        "restarted program crashes at its first clock_gettime()" : "is this an emulator? see "
        "grader/machines.md", "%s cannot be moved: %s", region,
        error == EPERM ? "it is sealed" : strerror(error));
}

static void probe_move_vdso(void)
{
    char line[4200];
    int moved = 0;
    FILE *maps = fopen("/proc/self/maps", "r");
    while (maps && fgets(line, sizeof line, maps)) {
        unsigned long start, end;
        if (!is_kernels(line) || sscanf(line, "%lx-%lx", &start, &end) != 2)
            continue;
        int error = move_away(start, end);
        if (error) {
            say_unmoved(strstr(line, "[vdso]") ? "[vdso]" : "[vvar]", error);
            return;
        }
        moved++;
    }
    say(moved ? "ok" : "limited", "vdso", moved ? "" : "images from here restart only on such a kernel",
        moved ? "the kernel's %d regions can be moved" : "this kernel has no vdso", moved);
}

static void probe_pagemap(void)
{
    char byte = 1;
    uint64_t entry = 0;
    int fd = open("/proc/self/pagemap", O_RDONLY);
    off_t at = (off_t)((uintptr_t)&byte / (uintptr_t)sysconf(_SC_PAGESIZE) * 8);
    if (fd >= 0 && pread(fd, &entry, 8, at) == 8 && entry >> 63)
        say("ok", "pagemap", "", "/proc/self/pagemap tells which pages were touched");
    else
        say("limited", "pagemap", "images hold every page, the untouched ones too: they get larger",
            "/proc/self/pagemap says nothing");
}

static void probe_own_memory(void)
{
    static const char text[] = "seen";
    char seen[sizeof text] = "";
    int fd = open("/proc/self/mem", O_RDWR);
    if (fd >= 0 && pread(fd, seen, sizeof text, (off_t)(uintptr_t)text) == sizeof text &&
        memcmp(seen, text, sizeof text) == 0)
        say("ok", "self/mem", "", "/proc/self/mem can be read");
    else
        say("limited", "self/mem", "memory without read permission is left out of an image",
            "/proc/self/mem cannot be read");
}

/* --- what a restart gives back to the kernel --- */

static int unhandled(const char *name, int error, const char *lost)
{
    if (error == 0)
        return 0;
    say("limited", name, lost, "%s%s", strerror(error),
        error == EINVAL ? " (a kernel without CONFIG_CHECKPOINT_RESTORE)" : "");
    return 1;
}

/* Fields 26-28 and 45-51 of /proc/self/stat (counted from 1) are the layout. */
static int read_layout(struct prctl_mm_map *map)
{
    char text[4096];
    unsigned long long field[53] = {0};
    int fd = open("/proc/self/stat", O_RDONLY);
    ssize_t size = read(fd, text, sizeof text - 1);
    if (size <= 0)
        return EIO;
    text[size] = '\0';
    char *at = strrchr(text, ')') + 4; /* behind the state, field 3 */
    for (int i = 4; i < 53; i++)
        field[i] = strtoull(at, &at, 10);
    *map = (struct prctl_mm_map){
        .start_code = field[26], .end_code = field[27], .start_stack = field[28],
        .start_data = field[45], .end_data = field[46], .start_brk = field[47],
        .brk = (uintptr_t)sbrk(0), .arg_start = field[48], .arg_end = field[49],
        .env_start = field[50], .env_end = field[51], .exe_fd = -1U,
    };
    return 0;
}

static void probe_layout(void)
{
    struct prctl_mm_map map;
    unsigned size = 0;
    int error = prctl(PR_SET_MM, PR_SET_MM_MAP_SIZE, &size, 0, 0) == 0 ? 0 : errno;
    if (error == 0)
        error = read_layout(&map);
    if (error == 0 && prctl(PR_SET_MM, PR_SET_MM_MAP, &map, sizeof map, 0) != 0)
        error = errno;
    if (!unhandled("mm layout", error, "a restarted program keeps restart's brk, arguments and auxv: "
                   "malloc falls back to mmap, ps shows restart's arguments, gdb finds no libraries"))
        say("ok", "mm layout", "", "brk, arguments and auxv can be set (PR_SET_MM_MAP)");
}

static void probe_tid_address(void)
{
    int *address = NULL;
    int error = prctl(PR_GET_TID_ADDRESS, &address, 0, 0, 0) == 0 ? 0 : errno;
    if (!unhandled("tid address", error, "raise() and abort() reach the wrong process after a restart, "
                   "unless libc's copy of the tid is found in another way"))
        say("ok", "tid address", "", "the address of the tid can be asked (PR_GET_TID_ADDRESS)");
}

static unsigned long rseq_length(void)
{
    unsigned long size = getauxval(AT_RSEQ_FEATURE_SIZE), align = getauxval(AT_RSEQ_ALIGN);
    if (size == 0 || align == 0)
        return 32;
    size = (size + align - 1) / align * align;
    return size < 32 ? 32 : size;
}

static void probe_rseq(void)
{
    if (&__rseq_offset == NULL || __rseq_size == 0) {
        say("ok", "rseq", "", "not used by this C library: nothing to bring back");
        return;
    }
    char *area = (char *)__builtin_thread_pointer() + __rseq_offset;
    unsigned long length = rseq_length();
    if (syscall(SYS_rseq, area, length, RSEQ_FLAG_UNREGISTER, RSEQ_SIG) != 0 ||
        syscall(SYS_rseq, area, length, 0, RSEQ_SIG) != 0)
        say("limited", "rseq", "start programs with GLIBC_TUNABLES=glibc.pthread.rseq=0",
            "registered by libc, but cannot be registered anew (length %lu): %s", length,
            strerror(errno));
    else
        say("ok", "rseq", "", "registered by libc, and can be registered anew (length %lu)", length);
}

static void probe_aslr(void)
{
    char setting[8] = "?";
    int fd = open("/proc/sys/kernel/randomize_va_space", O_RDONLY);
    if (fd >= 0 && read(fd, setting, 1) == 1)
        setting[1] = '\0';
    const char *what = setting[0] == '0' ? "off" : setting[0] == '2' ? "on" : setting;
    if (personality(0xffffffff) & ADDR_NO_RANDOMIZE)
        what = "off in this shell";
    if (personality(ADDR_NO_RANDOMIZE) >= 0)
        say("ok", "ASLR", "", "%s; a program may ask for its being off (setarch -R, gdb)", what);
    else
        say("limited", "ASLR", "the lab does not need it off; in gdb: set disable-randomization off",
            "%s; asking for its being off is refused: %s", what, strerror(errno));
}

/* --- debugging --- */

/* A process that waits for its end, to be looked at. */
static pid_t start_waiting(void)
{
    pid_t pid = fork();
    if (pid == 0) {
        prctl(PR_SET_PDEATHSIG, SIGKILL, 0, 0, 0);
        pause();
        _exit(0);
    }
    return pid;
}

/* Attaches as gdb does that was started in another terminal: to a process that is no child. */
static int attach_to_sibling(pid_t sibling)
{
    int status = 0;
    pid_t pid = fork();
    if (pid == 0)
        _exit(ptrace(PTRACE_SEIZE, sibling, 0, 0) == 0 ? 0 : errno);
    waitpid(pid, &status, 0);
    return WIFEXITED(status) ? WEXITSTATUS(status) : EIO;
}

static void probe_ptrace(void)
{
    pid_t child = start_waiting();
    int own = ptrace(PTRACE_SEIZE, child, 0, 0) == 0 ? 0 : errno;
    pid_t other = start_waiting();
    int foreign = attach_to_sibling(other);
    kill(child, SIGKILL);
    kill(other, SIGKILL);
    if (own == ENOSYS) /* no Linux says so */
        say("missing", "ptrace", "a restart will not work: use a whole emulated machine, see "
            "grader/machines.md", "this is an emulator of single processes, such as qemu-user");
    else if (own)
        say("limited", "ptrace", "gdb does not work: docker run --cap-add=SYS_PTRACE; the tests that use "
            "gdb on core files do work", "not even a child can be traced: %s", strerror(own));
    else if (foreign)
        say("limited", "ptrace", "`attach PID` in gdb needs: sudo sysctl kernel.yama.ptrace_scope=0; "
            "running a program in gdb works", "children can be traced, others not: %s",
            strerror(foreign));
    else
        say("ok", "ptrace", "", "gdb can run programs and attach to them");
}

/* --- files and limits --- */

static int temporary_file(void)
{
    char name[] = "ckptlab-doctor-XXXXXX";
    int fd = mkstemp(name);
    if (fd >= 0)
        unlink(name);
    return fd;
}

static void probe_holes(void)
{
    const off_t size = 1 << 20;
    int fd = temporary_file();
    if (fd < 0)
        say("limited", "holes", "run this where you may write", "no file can be made in this folder: %s",
            strerror(errno));
    else if (pwrite(fd, "x", 1, size) == 1 && lseek(fd, 0, SEEK_HOLE) == 0)
        say("ok", "holes", "", "this file system keeps holes in files: images stay small");
    else
        say("limited", "holes", "work in a folder of Linux's own (ext4, btrfs, xfs, tmpfs), not in one "
            "that is shared with Windows or macOS: images get as large as the memory",
            "this file system keeps no holes in files");
    if (fd >= 0)
        close(fd);
}

static void probe_map_file(void)
{
    int fd = temporary_file();
    if (fd < 0 || pwrite(fd, "x", 1, 0) != 1)
        return; /* probe_holes says so */
    if (mmap(NULL, 4096, PROT_READ | PROT_EXEC, MAP_PRIVATE, fd, 0) == MAP_FAILED)
        say("limited", "noexec", "restart --lazy reads code instead of mapping it, programs built here "
            "do not start: move to another folder", "files here cannot be mapped executable: %s",
            strerror(errno));
    else
        say("ok", "noexec", "", "files here can be mapped executable");
}

static void describe_limit(char *text, size_t size, const char *name, rlim_t limit)
{
    if (limit == RLIM_INFINITY)
        snprintf(text, size, "%s unlimited", name);
    else
        snprintf(text, size, "%s %llu KiB", name, (unsigned long long)limit / 1024);
}

static void probe_limits(void)
{
    static const struct { int which; const char *name; rlim_t need; } limits[] = {
        {RLIMIT_AS, "memory", 8ULL << 30}, {RLIMIT_DATA, "data", 8ULL << 30},
        {RLIMIT_FSIZE, "file size", 4ULL << 30}, {RLIMIT_STACK, "stack", 1 << 20}};
    char all[200] = "", one[60];
    int tight = 0;
    for (size_t i = 0; i < sizeof limits / sizeof *limits; i++) {
        struct rlimit limit;
        getrlimit(limits[i].which, &limit);
        tight |= limit.rlim_cur < limits[i].need;
        describe_limit(one, sizeof one, limits[i].name, limit.rlim_cur);
        strcat(strcat(all, i ? ", " : ""), one);
    }
    say(tight ? "limited" : "ok", "limits", tight ? "raise them with ulimit; large programs may fail" : "",
        "%s", all);
}

/* --- running the probes --- */

static const struct { const char *name; void (*run)(void); } probes[] = {
    {"maps", probe_maps},           {"restorer", probe_exec_memory},
    {"stack", probe_growsdown},     {"vdso", probe_move_vdso},
    {"pagemap", probe_pagemap},     {"self/mem", probe_own_memory},
    {"mm layout", probe_layout},    {"tid address", probe_tid_address},
    {"rseq", probe_rseq},           {"ASLR", probe_aslr},
    {"ptrace", probe_ptrace},       {"holes", probe_holes},
    {"noexec", probe_map_file},     {"limits", probe_limits},
};

static void run_in_child(const char *name, void (*run)(void))
{
    int status = 0;
    fflush(stdout);
    pid_t pid = fork();
    if (pid == 0) {
        alarm(PROBE_SECONDS);
        run();
        syscall(SYS_exit_group, 0);
    }
    if (pid < 0 || waitpid(pid, &status, 0) != pid)
        say("missing", name, "can no process be made here?", "%s", strerror(errno));
    else if (WIFSIGNALED(status))
        say("missing", name, "is this an emulator? see grader/machines.md", "trying it %s",
            WTERMSIG(status) == SIGALRM ? "hangs" : strsignal(WTERMSIG(status)));
}

int main(void)
{
    for (size_t i = 0; i < sizeof probes / sizeof *probes; i++)
        run_in_child(probes[i].name, probes[i].run);
    return 0;
}
