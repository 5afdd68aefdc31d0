/* mappings.c: memory of the kind that the first argument says, before and after a restart.  With "probe" behind
 * it, only asks whether this machine has that kind: exit status 0, or 77. */
#define _GNU_SOURCE
#include "program.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/userfaultfd.h>
#include <setjmp.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <unistd.h>

#define PAGE ((unsigned long)sysconf(_SC_PAGESIZE))
#define RW (PROT_READ | PROT_WRITE)
#define PRIVATE (MAP_PRIVATE | MAP_ANONYMOUS)
#define DROPPABLE 8 /* MAP_DROPPABLE, Linux 6.11 */
#define GUARD 102   /* MADV_GUARD_INSTALL, Linux 6.13 */
#define MSEAL 462   /* SYS_mseal, Linux 6.10 */

static int probing;
static const char *file;
static unsigned long gib = 1;

static void need(int fine)
{
    if (!fine)
        _exit(77);
}

static char *map(unsigned long size, int prot, int flags)
{
    char *at = mmap(NULL, size, prot, flags, -1, 0);
    need(at != MAP_FAILED);
    return at;
}

/* All that is asked of a probe is done; all others wait for the checkpoint. */
static void ready(void)
{
    if (probing)
        _exit(0);
    gate(1);
}

static sigjmp_buf back;

static void on_fault(int number)
{
    (void)number;
    siglongjmp(back, 1);
}

static int faults(char *at)
{
    signal(SIGSEGV, on_fault);
    signal(SIGBUS, on_fault);
    if (sigsetjmp(back, 1))
        return 1;
    *(volatile char *)at = 1;
    return 0;
}

/* How many pages are in memory. */
static unsigned long present(char *at, unsigned long pages)
{
    unsigned char here[4096];
    unsigned long count = 0;

    for (unsigned long i = 0; i < pages; i++) {
        if (i % sizeof here == 0)
            mincore(at + i * PAGE, (pages - i < sizeof here ? pages - i : sizeof here) * PAGE, here);
        count += here[i % sizeof here] & 1;
    }
    return count;
}

/* Terabytes, of which little is written: every other page of some, so that there are many runs; the middle; the end. */
static void reserved(void)
{
    unsigned long size = gib << 30, wrong = 0;
    char *at = map(size, RW, PRIVATE | MAP_NORESERVE), *none = map(size, PROT_NONE, PRIVATE | MAP_NORESERVE);

    madvise(at, size, MADV_NOHUGEPAGE);
    for (unsigned long i = 0; i < 700; i++)
        at[PAGE * 2 * i + i] = (char)(i | 1);
    memset(at + size / 2, 5, 3 * PAGE);
    at[size - 1] = 9;
    mprotect(none + size / 2, PAGE, RW);
    none[size / 2] = 7;
    mprotect(none + size / 2, PAGE, PROT_NONE);
    ready();
    for (unsigned long i = 0; i < 700; i++)
        wrong += at[PAGE * 2 * i + i] != (char)(i | 1);
    say("wrong %lu, middle %d, end %d", wrong, at[size / 2 + 2 * PAGE], at[size - 1]);
    say("present %lu and %lu", present(at, 1400), present(at + size / 4, 4096));
    mprotect(none + size / 2, PAGE, RW);
    say("hidden %d", none[size / 2]);
}

static void grows(void)
{
    char *at = map(1 << 20, RW, PRIVATE | MAP_GROWSDOWN) + (1 << 20) - 16 * PAGE;

    munmap(at - (1 << 20) + 16 * PAGE, (1 << 20) - 16 * PAGE);
    memset(at, 1, 16 * PAGE);
    at[-1] = 2;
    ready();
    at[-20 * (long)PAGE] = 3;
    say("%d %d %d", at[0], at[-1], at[-20 * (long)PAGE]);
}

static void guards(void)
{
    char *at = map(8 * PAGE, RW, PRIVATE);

    memset(at, 7, 8 * PAGE);
    need(madvise(at + 3 * PAGE, 2 * PAGE, GUARD) == 0);
    ready();
    say("%d %d %d, others %d %d", faults(at + 3 * PAGE), faults(at + 5 * PAGE - 1), faults(at + 5 * PAGE),
        at[3 * PAGE - 1], at[8 * PAGE - 1]);
}

/* Linux 6.15; the first page of a file is where an ELF file would say what it is. */
static void guard_file(int flags)
{
    int fd = probing ? memfd_create("probe", 0) : open(file, O_RDWR | O_CREAT, 0600);
    char *at;

    need(fd >= 0 && ftruncate(fd, 2 * (off_t)PAGE) == 0);
    at = mmap(NULL, 2 * PAGE, RW, flags, fd, 0);
    need(at != MAP_FAILED && madvise(at, PAGE, GUARD) == 0);
    ready();
    say("%d %d", faults(at), faults(at + PAGE));
}

static void guarded_file(void)
{
    guard_file(MAP_PRIVATE);
}

static void guarded_shared(void)
{
    guard_file(MAP_SHARED);
}

static void huge(void)
{
    unsigned long size = 2UL << 20;
    char *at = map(2 * size, RW, PRIVATE | MAP_HUGETLB | 21 << MAP_HUGE_SHIFT);

    need(!faults(at));
    at[size - 1] = 4;
    ready();
    say("%d %d", at[0], at[size - 1]);
    say("unmapped in small pages %d", munmap(at, PAGE) == 0);
}

static void droppable(void)
{
    char *at = map(PAGE, RW, MAP_ANONYMOUS | DROPPABLE);

    *at = 6;
    ready();
    say("empty %d", *at == 0);
}

static void sealed(void)
{
    char *at = map(PAGE, RW, PRIVATE);

    *at = 6;
    need(syscall(MSEAL, at, PAGE, 0) == 0);
    ready();
    say("unmapped %d", munmap(at, PAGE) == 0);
}

static void later_writable(void)
{
    int fd = open(file, O_RDWR | O_CREAT, 0600);
    char *at, *other;

    need(fd >= 0 && ftruncate(fd, 2 * (off_t)PAGE) == 0 && pwrite(fd, "x", 1, 0) == 1);
    at = mmap(NULL, 2 * PAGE, PROT_READ, MAP_SHARED, fd, 0);
    close(fd);
    fd = open(file, O_RDONLY);
    other = mmap(NULL, 2 * PAGE, PROT_READ, MAP_SHARED, fd, 0);
    close(fd);
    ready();
    say("%c, writable %d", *at, mprotect(at, PAGE, RW) == 0);
    *at = 'y';
    say("%c", *other);
}

static void userfault(void)
{
    struct uffdio_api api = { .api = UFFD_API };
    char *at = map(PAGE, RW, PRIVATE);
    struct uffdio_register all = { .range = { (unsigned long)at, PAGE }, .mode = UFFDIO_REGISTER_MODE_MISSING };
    int fd = (int)syscall(SYS_userfaultfd, 1); /* UFFD_USER_MODE_ONLY */

    need(fd >= 0 && ioctl(fd, UFFDIO_API, &api) == 0 && ioctl(fd, UFFDIO_REGISTER, &all) == 0);
    ready();
    say("%d", *at);
}

#define NODES 1025UL

/* 1: MPOL_PREFERRED, 2: MPOL_BIND; on node 0, which all machines have. */
static void numa(void)
{
    unsigned long nodes[16] = { 1 };
    char *at = map(3 * PAGE, RW, PRIVATE);
    int own = 0, its = 0, others = 0;

    need(syscall(SYS_set_mempolicy, 1, nodes, NODES) == 0);
    need(syscall(SYS_mbind, at + PAGE, PAGE, 2, nodes, NODES, 0) == 0);
    ready();
    syscall(SYS_get_mempolicy, &own, nodes, NODES, 0, 0);
    syscall(SYS_get_mempolicy, &its, nodes, NODES, at + PAGE, 2);
    syscall(SYS_get_mempolicy, &others, NULL, 0, at, 2);
    say("%d %d on %lx, %d", own, its, nodes[0], others);
}

static const struct {
    const char *name;
    void (*run)(void);
} kinds[] = { { "reserved", reserved }, { "grows", grows }, { "guards", guards },
              { "guarded-file", guarded_file }, { "guarded-shared", guarded_shared }, { "huge", huge },
              { "droppable", droppable }, { "sealed", sealed }, { "later-writable", later_writable },
              { "userfault", userfault }, { "numa", numa } };

int main(int argc, char **argv)
{
    START();

    probing = argc > 2 && strcmp(argv[argc - 1], "probe") == 0;
    file = argc > 2 ? argv[2] : "";
    if (argc > 2 && !probing && atoi(argv[2]) > 0)
        gib = (unsigned long)atoi(argv[2]);
    for (unsigned i = 0; i < sizeof kinds / sizeof *kinds; i++)
        if (argc > 1 && strcmp(argv[1], kinds[i].name) == 0)
            kinds[i].run();
    return finish();
}
