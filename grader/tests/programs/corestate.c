/* corestate.c: what a core file tells little of, as the arguments say, one command each, in their order:
 *
 *     load PATH            dlopen(3)                     call           what the library answers
 *     map PATH, mapped     maps a file; its first bytes  handle, raise  a handler of SIGUSR1; was it called?
 *     block, mask          blocks SIGHUP; is it?         sleep SECONDS  says so, then its result
 *     read                 says so, then what came       gate N         see program.h
 *     spin PATH            says so, and makes no system call until the file begins with 1; were all registers kept?
 *     split                code in several mappings        no-return     no code is left where a handler returns to
 */
#define _GNU_SOURCE
#include "program.h"

#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <time.h>
#include <unistd.h>

static volatile sig_atomic_t caught;
static int (*answer)(int);
static const char *mapped = "";

static void on_signal(int number)
{
    (void)number;
    caught++;
}

static void load(const char *path)
{
    void *library = dlopen(path, RTLD_NOW);
    void *symbol = library ? dlsym(library, "answer") : NULL;

    if (symbol)
        memcpy(&answer, &symbol, sizeof answer);
    else
        say("load failed");
}

static void map(const char *path)
{
    int fd = open(path, O_RDONLY | O_CLOEXEC);

    mapped = mmap(NULL, 4096, PROT_READ, MAP_PRIVATE, fd, 0);
    close(fd);
}

static void handle(void)
{
    struct sigaction action;

    memset(&action, 0, sizeof action);
    action.sa_handler = on_signal;
    action.sa_flags = SA_RESTART;
    sigaction(SIGUSR1, &action, NULL);
}

static void block_or_tell(int block)
{
    sigset_t set;

    sigemptyset(&set);
    sigaddset(&set, SIGHUP);
    if (block)
        sigprocmask(SIG_BLOCK, &set, NULL);
    else {
        sigprocmask(SIG_SETMASK, NULL, &set);
        say("blocked %d %d", sigismember(&set, SIGHUP), sigismember(&set, SIGTERM));
    }
}

static void nap(const char *seconds)
{
    struct timespec time = { atol(seconds), 0 };

    say("sleep");
    errno = 0;
    int result = nanosleep(&time, NULL);
    say("slept %d %d", result, errno);
}

static void read_byte(void)
{
    char byte = '-';

    say("read");
    errno = 0;
    long n = read(0, &byte, 1);
    say("got %ld %d %c", n, errno, byte);
}

#ifdef __x86_64__
#define FLAGS     0xcc4L /* all but carry, and 0x10: these two are all that cs, 0x33, would set */
#define ALL_FLAGS 0xcd5L

/*
 * Those that a system call does not keep, too.  The loop changes no flag: it jumps to one of two places, which are
 * 8 bytes apart, by the file's first byte, 48 or 49.
 */
static int kept_until(const volatile char *file)
{
    uint64_t in = draw(), a, c, flags, base, to;

    __asm__ volatile("mov %5, %%rax; lea 1(%5), %%rcx; lea 2(%5), %%rdx; lea 3(%5), %%r8; lea 4(%5), %%r9\n\t"
                     "lea 5(%5), %%r10; lea 6(%5), %%r11; lea 2f - 8 * 48(%%rip), %3\n\t"
                     "lea -128(%%rsp), %%rsp; push %7; popfq\n\t"
                     "1: movzbl (%6), %k4; lea (%3, %4, 8), %4; jmp *%4\n\t"
                     ".balign 8\n\t2: jmp 1b\n\t.balign 8\n\t"
                     "pushfq; pop %2; cld; lea 128(%%rsp), %%rsp\n\t"
                     "sub %%rax, %%rcx; sub %%rax, %%rdx; sub %%rax, %%r8; sub %%rax, %%r9; sub %%rax, %%r10\n\t"
                     "sub %%rax, %%r11; shl $8, %%rdx; shl $16, %%r8; shl $24, %%r9; shl $32, %%r10; shl $40, %%r11\n\t"
                     "add %%rdx, %%rcx; add %%r8, %%rcx; add %%r9, %%rcx; add %%r10, %%rcx; add %%r11, %%rcx\n\t"
                     "mov %%rax, %0; mov %%rcx, %1"
                     : "=&r"(a), "=m"(c), "=&r"(flags), "=&r"(base), "=&r"(to)
                     : "r"(in), "r"(file), "i"(FLAGS)
                     : "rax", "rcx", "rdx", "r8", "r9", "r10", "r11", "memory", "cc");
    return a == in && c == 0x060504030201 && (flags & ALL_FLAGS) == (FLAGS & ALL_FLAGS);
}
#else
static int kept_until(const volatile char *file)
{
    while (*file != '1')
        ;
    return 1;
}
#endif

static void spin(const char *path)
{
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    const volatile char *file = mmap(NULL, 4096, PROT_READ, MAP_SHARED, fd, 0);

    close(fd);
    say("spin");
    say("kept %d", kept_until(file));
}

/* A page of libc's code becomes a mapping of its own, and so do those before and behind it. */
static void split(void)
{
    uintptr_t size = (uintptr_t)sysconf(_SC_PAGESIZE), page = (uintptr_t)qsort / size * size;

    if (madvise((void *)page, size, MADV_SEQUENTIAL) != 0)
        say("not split: %s", strerror(errno));
}

/* Overwrites what calls rt_sigreturn(2), if it is there. */
static void overwrite(char *start, size_t size)
{
    static const char pattern[] = "\x48\xc7\xc0\x0f\0\0\0\x0f\x05"; /* mov $15, %rax; syscall: x86_64's */
    char *at = memmem(start, size, pattern, sizeof pattern - 1);

    if (at == NULL)
        return;
    if (mprotect(start, size, PROT_READ | PROT_WRITE | PROT_EXEC) != 0)
        say("mprotect: %s", strerror(errno));
    memset(at, 0, sizeof pattern - 1);
    mprotect(start, size, PROT_READ | PROT_EXEC);
}

/* libc has it once, and ld.so.  A handler would have nowhere to return to. */
static void no_return(void)
{
    char line[512], *start, *end;
    FILE *maps = fopen("/proc/self/maps", "re");

    while (maps && fgets(line, sizeof line, maps))
        if (sscanf(line, "%p-%p", (void **)&start, (void **)&end) == 2 && strstr(line, " r-xp ") != NULL)
            overwrite(start, (size_t)(end - start));
    if (maps)
        fclose(maps);
}

static void command(const char *name, const char *rest)
{
    if (strcmp(name, "load") == 0)
        load(rest);
    else if (strcmp(name, "call") == 0)
        say("answer %d", answer ? answer(2) : 0);
    else if (strcmp(name, "map") == 0)
        map(rest);
    else if (strcmp(name, "mapped") == 0)
        say("mapped %.5s", mapped);
    else if (strcmp(name, "handle") == 0)
        handle();
    else if (strcmp(name, "raise") == 0)
        raise(SIGUSR1), say("caught %d", (int)caught);
    else if (strcmp(name, "block") == 0 || strcmp(name, "mask") == 0)
        block_or_tell(name[0] == 'b');
    else if (strcmp(name, "sleep") == 0)
        nap(rest);
    else if (strcmp(name, "read") == 0)
        read_byte();
    else if (strcmp(name, "spin") == 0)
        spin(rest);
    else if (strcmp(name, "split") == 0)
        split();
    else if (strcmp(name, "no-return") == 0)
        no_return();
    else if (strcmp(name, "gate") == 0)
        gate(atoi(rest));
}

int main(int argc, char **argv)
{
    START();
    for (int i = 1; i < argc; i++) {
        char name[16] = "", rest[512] = "";
        sscanf(argv[i], "%15s %511s", name, rest);
        command(name, rest);
    }
    return finish();
}
