/* locks.c: the three kinds of locks on files; a child looks whether they are held.  argv[1]: a directory. */
#define _GNU_SOURCE
#include "program.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/file.h>
#include <sys/wait.h>
#include <unistd.h>

static int open_in(const char *directory, const char *name)
{
    char path[4200];

    snprintf(path, sizeof path, "%s/%s", directory, name);
    return open(path, O_RDWR | O_CREAT, 0600);
}

static int lock(int fd, int command, short type, off_t start, off_t length)
{
    struct flock range = { .l_type = type, .l_whence = SEEK_SET, .l_start = start, .l_len = length };

    return fcntl(fd, command, &range);
}

/* What another process is told: the first lock in the way of one for writing, from `start` on. */
static void tell_range(const char *name, int fd, off_t start)
{
    struct flock range = { .l_type = F_WRLCK, .l_whence = SEEK_SET, .l_start = start };
    int status, words;

    if (fork() == 0) {
        fcntl(fd, F_GETLK, &range);
        _exit(range.l_type == F_UNLCK ? 0 : 1 + (int)range.l_start + 100 * (range.l_type == F_WRLCK));
    }
    wait(&status);
    words = WEXITSTATUS(status);
    say("%s from %d: %s%d", name, (int)start, words ? "locked at " : "free ",
        words ? (words - 1) % 100 : 0);
    if (words)
        say("%s: %s", name, words > 100 ? "to write" : "to read");
}

static void tell_flock(const char *directory)
{
    int other = open_in(directory, "flock");

    say("flock: %d", flock(other, LOCK_EX | LOCK_NB) != 0 && errno == EWOULDBLOCK);
    say("flock to read: %d", flock(other, LOCK_SH | LOCK_NB) == 0);
    close(other);
}

int main(int argc, char **argv)
{
    START();
    int whole = open_in(argv[1], "flock"), posix = open_in(argv[1], "posix"), own = open_in(argv[1], "ofd");

    (void)argc;
    flock(whole, LOCK_SH);
    lock(posix, F_SETLK, F_WRLCK, 10, 10);
    lock(posix, F_SETLK, F_RDLCK, 50, 0);
    lock(own, F_OFD_SETLK, F_WRLCK, 5, 1);
    gate(1);
    tell_flock(argv[1]);
    tell_range("posix", posix, 0);
    tell_range("posix", posix, 20);
    tell_range("ofd", own, 0);
    tell_range("ofd", own, 6);
    return finish();
}
