/* sharedmap.c: shared memory, of the kind that the first argument says; the others are files.  What
 * is written through one mapping must show in the others, before and after a restart. */
#define _GNU_SOURCE
#include "program.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/shm.h>
#include <unistd.h>

#define PAGE ((int)sysconf(_SC_PAGESIZE))

static char *need(void *at)
{
    if (at == MAP_FAILED) {
        perror("sharedmap");
        exit(1);
    }
    return at;
}

static char *map(int fd, int pages, int prot, int first)
{
    int flags = MAP_SHARED | (fd < 0 ? MAP_ANONYMOUS : 0);
    return need(mmap(NULL, (size_t)pages * PAGE, prot, flags, fd, (off_t)first * PAGE));
}

/* A second mapping of the pages at `at`. */
static char *alias(char *at, int pages)
{
    return need(mremap(at, 0, (size_t)pages * PAGE, MREMAP_MAYMOVE));
}

/* What the two mappings hold, whether they are one memory, and the sum of all bytes. */
static void compare(const char *what, char *a, char *b, int pages)
{
    unsigned long sum = 0;

    for (int i = 0; i < pages * PAGE; i++)
        sum = sum * 31 + (unsigned char)b[i];
    a[7]++;
    say("%s %d %d sum %lu", what, a[7], b[7], sum);
}

static void fill(char *at, int pages)
{
    for (int i = 0; i < pages * PAGE; i++)
        at[i] = (char)(i * 7 + i / PAGE);
    at[7] = 'a';
}

/* Four pages, the second without access, the third for reading only; and two more views of them. */
static void anonymous(void)
{
    char *one = map(-1, 4, PROT_READ | PROT_WRITE, 0), *alone = map(-1, 1, PROT_READ | PROT_WRITE, 0);
    char *all = alias(one, 4), *tail = alias(one + 2 * PAGE, 2);

    fill(one, 4);
    strcpy(alone, "alone");
    mprotect(one + PAGE, PAGE, PROT_NONE);
    mprotect(one + 2 * PAGE, PAGE, PROT_READ);
    gate(1);
    compare("anonymous", one, all, 4);
    all[2 * PAGE + 5] = 'x';
    all[3 * PAGE] = 'y';
    say("tail %c%c %c %s", tail[5], one[2 * PAGE + 5], tail[PAGE], alone);
    mprotect(one + PAGE, PAGE, PROT_READ);
    say("hidden %d", one[PAGE + 1] == all[PAGE + 1]);
}

static char byte_of(int fd, off_t offset)
{
    char c = '-';
    return pread(fd, &c, 1, offset) == 1 ? c : '!';
}

/* The memory of `fd`, or of the descriptor that is closed; mapped twice, and once for reading only. */
static void mapped_twice(const char *what, const char *name, int fd, int closed)
{
    char *one = map(fd, 3, PROT_READ | PROT_WRITE, 0), *two = map(fd, 2, PROT_READ | PROT_WRITE, 1);
    char *look = map(fd, 3, PROT_READ, 0);

    fill(one, 3);
    if (strcmp(what, "deleted") == 0)
        unlink(name);
    if (closed)
        close(fd);
    gate(1);
    compare(what, one, look, 3);
    two[5] = 'z';
    say("shifted %c %c", one[PAGE + 5], look[PAGE + 5]);
    if (!closed)
        say("descriptor %c", byte_of(fd, PAGE + 5));
}

/* One page of System V shared memory, which no checkpoint can save. */
static void system_v(void)
{
    int id = shmget(IPC_PRIVATE, PAGE, 0600);
    char *at = need(shmat(id, NULL, 0));

    shmctl(id, IPC_RMID, NULL);
    strcpy(at, "System V");
    gate(1);
    say("shared %s", at);
}

static int new_memfd(void)
{
    int fd = memfd_create("lab memory", 0);
    return ftruncate(fd, 3 * PAGE) == 0 ? fd : -1;
}

static int new_file(const char *name)
{
    int fd = open(name, O_RDWR | O_CREAT | O_TRUNC, 0600);
    return ftruncate(fd, 3 * PAGE) == 0 ? fd : -1;
}

/* Two files at once; of the second, one page and a half are there, and more is mapped. */
static void two_files(const char *first, const char *second)
{
    int fd = new_file(first), other = new_file(second);
    if (ftruncate(other, PAGE + PAGE / 2) != 0)
        exit(1);
    char *one = map(fd, 3, PROT_READ | PROT_WRITE, 0), *two = map(other, 8, PROT_READ | PROT_WRITE, 0);

    fill(one, 3);
    memset(two, '2', PAGE + PAGE / 2);
    gate(1);
    compare("first", one, one, 3);
    say("second %c %c %d", two[0], two[PAGE + PAGE / 2 - 1], two[PAGE + PAGE / 2]);
    if (ftruncate(other, 8 * PAGE) != 0)
        exit(1);
    two[7 * PAGE] = 'g';
    say("grown %c", byte_of(other, 7 * PAGE));
}

int main(int argc, char **argv)
{
    START();
    const char *kind = argc > 1 ? argv[1] : "anonymous", *file = argc > 2 ? argv[2] : "/dev/null";

    if (strcmp(kind, "anonymous") == 0)
        anonymous();
    else if (strncmp(kind, "memfd", 5) == 0)
        mapped_twice(kind, "", new_memfd(), strcmp(kind, "memfd-closed") == 0);
    else if (strcmp(kind, "system-v") == 0)
        system_v();
    else if (strcmp(kind, "two-files") == 0)
        two_files(file, argc > 3 ? argv[3] : file);
    else
        mapped_twice(kind, file, new_file(file), strcmp(kind, "file") != 0);
    return finish();
}
