/*
 * incremental.c - a program that is saved by ckpt --incremental, for test_incremental.py.  It knows what must be in each of its
 * pages, asks for a checkpoint after each round of deeds, and ends with what is wrong: both lives must print the same.
 *
 *     incremental deeds N     N rounds: writes, moves pages to and fro, and home again, unmaps, forbids, forks, maps files
 *     incremental few N       N rounds, in which one page of a hundred is written to
 *     incremental many N SEED the same as deeds, other ones; copies each image; a second life does neither
 *     incremental live N SEED the same as many; it goes on while it is saved, once for every 3 rounds, if a file "ask" is there
 *     incremental contained PROG...  sets a filter of system calls, and becomes another program, as in a container
 *     incremental WORD        three rounds, and before the fourth: see before_fourth(); sandbox: at the end
 */
#define _GNU_SOURCE
#include <fcntl.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#define PAGES 2000UL
#define WORDS 512UL /* of a page */
#define MOST 16UL   /* pages for one deed */

extern int ckpt_now(void) __attribute__((weak));

static uint64_t *memory, must[PAGES], state = 1;
static int forbidden[PAGES]; /* to write (1), to read (2); 3: unmapped */
static int live; /* it goes on while it is saved: then a child would be in the way */

static uint64_t draw(uint64_t below)
{
    state = state * 6364136223846793005 + 1442695040888963407;
    return (state >> 33) % below;
}

static uint64_t *page(uint64_t i)
{
    return memory + i * WORDS;
}

static void check(int failed, const char *what)
{
    if (failed)
        printf("%s failed\n", what);
}

static void write_to(uint64_t i)
{
    if (forbidden[i] == 0)
        page(i)[0] = page(i)[WORDS - 1] = must[i] = state;
}

static void map(uint64_t i, uint64_t count)
{
    int flags = MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED;
    check(mmap(page(i), count * 4096, PROT_READ | PROT_WRITE, flags, -1, 0) == MAP_FAILED, "mmap");
    memset(must + i, 0, count * sizeof *must);
    memset(forbidden + i, 0, count * sizeof *forbidden);
}

static void move(uint64_t from, uint64_t to)
{
    check(mremap(page(from), 4096, 4096, MREMAP_MAYMOVE | MREMAP_FIXED, page(to)) == MAP_FAILED, "mremap");
}

/* Page by page: what is tracked and what is not are two mappings, over which mremap(2) does not move. */
static void move_block(uint64_t from, uint64_t to, uint64_t count, int home)
{
    for (uint64_t i = 0; i < count; i++) {
        if (forbidden[from + i] != 0 || forbidden[to + i] != 0)
            continue;
        move(from + i, to + i);
        must[to + i] = must[from + i];
        map(from + i, 1);
        if (!home)
            continue;
        uint64_t is = must[to + i];
        if (i % 2 == 0)
            page(to + i)[0] = page(to + i)[WORDS - 1] = ++is;
        move(to + i, from + i);
        must[from + i] = is;
        map(to + i, 1);
    }
}

static void forbid(uint64_t i, uint64_t count, int what)
{
    for (; count-- > 0; i++)
        if (forbidden[i] == 0) {
            check(what == 3 ? munmap(page(i), 4096) : mprotect(page(i), 4096, what == 1 ? PROT_READ : PROT_NONE), "forbid");
            forbidden[i] = what;
        }
}

static void allow_all(void)
{
    for (uint64_t i = 0; i < PAGES; i++)
        if (forbidden[i] == 3)
            map(i, 1);
        else if (forbidden[i] != 0)
            check(mprotect(page(i), 4096, PROT_READ | PROT_WRITE), "mprotect"), forbidden[i] = 0;
}

static void empty(uint64_t i, uint64_t count)
{
    for (; count-- > 0; i++)
        if (forbidden[i] == 0) {
            check(madvise(page(i), 4096, MADV_DONTNEED), "madvise");
            must[i] = 0;
        }
}

/* By a system call; and all from a child's hands, which is another process. */
static void read_into(uint64_t i)
{
    int zero = open("/dev/zero", O_RDONLY);
    if (forbidden[i] == 0 && read(zero, page(i), 4096) == 4096)
        must[i] = 0;
    close(zero);
    if (live)
        return;
    if (fork() == 0) {
        write_to(i + 1);
        _exit(0);
    }
    wait(NULL);
}

static void deed(void)
{
    uint64_t at = draw(PAGES / 2 - MOST), count = 1 + draw(MOST), other = PAGES / 2 + draw(PAGES / 2 - MOST);
    switch (draw(10)) {
    case 0: move_block(at, other, count, 0); break;
    case 1: move_block(other, at, count, 0); break;
    case 2: move_block(at, other, count, 1); break;
    case 3: map(at, count); break;
    case 4: empty(other, count); break;
    case 5: forbid(at, count, 1); break;
    case 6: forbid(other, count, 2); break;
    case 7: forbid(at, count, 3); break;
    case 8: allow_all(); break;
    default: read_into(at);
    }
}

static int wrong(void)
{
    int count = 0;
    for (uint64_t i = 0; i < PAGES; i++)
        count += forbidden[i] < 2 && (page(i)[0] != must[i] || page(i)[WORDS - 1] != must[i]);
    return count;
}

static void own_tracker(void)
{
    check(syscall(SYS_userfaultfd, O_CLOEXEC | 1) < 0, "userfaultfd");
}

static void filter(void)
{
    struct sock_filter all = BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW);
    struct sock_fprog program = {1, &all};
    check(prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) || prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &program), "seccomp");
}

/* Who removes a file is killed. */
static void sandbox(void)
{
    struct sock_filter words[] = {BPF_STMT(BPF_LD | BPF_W | BPF_ABS, 0), BPF_JUMP(BPF_JMP | BPF_JEQ, SYS_unlinkat, 0, 1),
                                  BPF_STMT(BPF_RET, SECCOMP_RET_KILL_PROCESS), BPF_STMT(BPF_RET, SECCOMP_RET_ALLOW)};
    struct sock_fprog program = {sizeof words / sizeof *words, words};
    check(prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) || prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &program), "seccomp");
}

/* Memory that is not `memory`: what it is, page by page, is known all the same. */
static uint64_t *map_more(uint64_t first, uint64_t count)
{
    uint64_t *at = (uint64_t *)0x610000000000 + first * WORDS;
    int flags = MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED;
    check(mmap(at, count * 4096, PROT_READ | PROT_WRITE, flags, -1, 0) == MAP_FAILED, "mmap");
    for (uint64_t i = 0; i < count; i++)
        at[i * WORDS] = first + i;
    return at;
}

static uint64_t more[4][2]; /* first, count */
static unsigned char *over; /* see map_over() */

static int wrong_more(void)
{
    int count = 0;
    for (int k = 0; k < 4; k++)
        for (uint64_t i = more[k][0]; i < more[k][0] + more[k][1]; i++)
            count += ((uint64_t *)0x610000000000)[i * WORDS] != i;
    for (int i = 0; i < 1 << 20 && over != NULL; i += 64)
        count += over[i] != 1;
    return count;
}

/* What the library works in is shared memory without a file: another mapping takes its place. */
static void map_over(void)
{
    char line[200];
    unsigned long start, end;
    FILE *maps = fopen("/proc/self/maps", "r");
    while (fgets(line, sizeof line, maps) != NULL)
        if (strstr(line, "/dev/zero") != NULL && sscanf(line, "%lx-%lx", &start, &end) == 2) {
            check(mmap((void *)start, end - start, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED, -1,
                       0) == MAP_FAILED, "mmap");
            memset(over = (unsigned char *)start, 1, 1 << 20);
        }
    fclose(maps);
}

static void signal_child(void)
{
    int status;
    if (vfork() == 0) {
        kill(getpid(), SIGUSR2);
        _exit(0);
    }
    check(wait(&status) < 0 || status != 0, "vfork");
}

static void before_fourth(const char *word)
{
    if (strcmp(word, "closefrom") == 0)
        closefrom(3);
    if (strcmp(word, "tracker") == 0)
        own_tracker();
    if (strcmp(word, "filter") == 0)
        filter();
    if (strcmp(word, "lock") == 0)
        check(mlock(memory, 4096), "mlock");
    if (strcmp(word, "open") == 0)
        check(open("image.spare", O_RDONLY | O_CLOEXEC) < 0, "open");
    if (strcmp(word, "link") == 0)
        check(link("image.spare", "another"), "link");
    if (strcmp(word, "touch") == 0)
        check(utimensat(AT_FDCWD, "image.spare", NULL, 0), "utimensat");
    if (strcmp(word, "gone") == 0)
        check(unlink("image.spare"), "unlink");
    if (strcmp(word, "over") == 0)
        map_over();
    if (strcmp(word, "vfork") == 0)
        signal_child();
    if (strcmp(word, "killed") == 0)
        kill(getpid(), SIGKILL);
    if (strcmp(word, "between") == 0) /* a region begins before a place in the file, and ends behind it */
        map_more(more[0][0] = 50, more[0][1] = 940);
    if (strcmp(word, "exec") == 0)
        check(system("ls /proc/self/fd | grep -c 1...; ls /proc/$PPID/fd | grep -c 1..."), "system");
}

static void keep_copy(int round)
{
    char command[80];
    snprintf(command, sizeof command, "test ! -e image || cp --sparse=always image copy.%d", round);
    check(system(command), "cp");
}

int main(int argc, char **argv)
{
    if (strcmp(argv[1], "contained") == 0) {
        filter();
        execv(argv[2], argv + 2);
    }
    live = strcmp(argv[1], "live") == 0;
    int rounds = argc > 2 ? atoi(argv[2]) : 5, few = strcmp(argv[1], "deeds") != 0, asks = ckpt_now != NULL && !live;
    if (strcmp(argv[1], "many") == 0 || live) {
        few = 0;
        state = strtoul(argv[3], NULL, 10);
    }
    memory = mmap((void *)0x600000000000, PAGES * 4096, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    for (uint64_t i = 0; i < PAGES; i++)
        write_to(i);
    for (int k = 1; k < 4 && strcmp(argv[1], "between") == 0; k++)
        map_more(more[k][0] = (uint64_t[]){0, 100, 1000, 1100}[k], more[k][1] = (uint64_t[]){0, 100, 1, 300}[k]);
    for (int round = 1; round <= rounds; round++) {
        if (round == 4)
            before_fourth(argv[1]);
        for (uint64_t i = 0; i < PAGES / 100; i++)
            write_to(draw(PAGES));
        if (live && round % 3 == 0 && access("ask", F_OK) == 0)
            raise(SIGUSR2);
        for (int i = 0; i < 30 && !few; i++)
            deed();
        int life = asks ? ckpt_now() : 0;
        check(life < 0, "ckpt_now");
        asks &= life == 0 || strcmp(argv[1], "many") != 0;
        if (asks && strcmp(argv[1], "many") == 0)
            keep_copy(round);
        printf("%d: %016lx, %d wrong\n", round, state, wrong() + wrong_more());
        fflush(stdout);
    }
    if (strcmp(argv[1], "sandbox") == 0)
        sandbox();
    return 0;
}
