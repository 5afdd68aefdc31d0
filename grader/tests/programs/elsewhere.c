/* elsewhere.c: a job of ckpt-shadow's, which runs where its files are not.
 *
 *     elsewhere status              exit status: by the working directory's name, which it asks for
 *     elsewhere term                makes the folder "ready", waits for SIGTERM, and ends in the same way, plus 1
 *     elsewhere killed              kills itself
 *     elsewhere equal FOLDER        files of the folder, and pipes of its own under the same numbers
 *     elsewhere list FOLDER         names and first lines of what is there, by opendir(3), fopen(3) and getline(3)
 *     elsewhere often PATH          opens and closes it 1,500 times: more than there are numbers
 *     elsewhere dup PATH            copies of a descriptor: one offset; and the lowest number that is free
 *     elsewhere slow FIFO           reads; a signal comes first: EINTR; and once more, with SA_RESTART
 *     elsewhere copy FIFO FILE [N]  appends what it reads, 7 bytes at a time; each N microseconds a signal comes
 */
#define _GNU_SOURCE
#include "program.h"
#include "raw.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/time.h>
#include <unistd.h>

#define FILES 8
#define TIMES 1500
#define NUMBERS 2048 /* the limit that the grader sets; more than TIMES */

static volatile sig_atomic_t caught;

static void on_signal(int number)
{
    (void)number;
    caught++;
}

static void handle(int number, int flags)
{
    struct sigaction action = { .sa_handler = on_signal, .sa_flags = flags };

    sigaction(number, &action, NULL);
}

/* As the grader computes it. */
static int status_by_name(void)
{
    char path[PATH_MAX] = "";
    unsigned sum = 0;

    if (getcwd(path, sizeof path) == NULL)
        return 120;
    for (const char *c = path; *c; c++)
        sum = (sum * 31 + (unsigned char)*c) % 101;
    return (int)sum;
}

static int until_term(void)
{
    sigset_t set, before;

    sigemptyset(&set);
    sigaddset(&set, SIGTERM);
    sigprocmask(SIG_BLOCK, &set, &before);
    handle(SIGTERM, 0);
    mkdir("ready", 0777);
    while (!caught)
        sigsuspend(&before);
    return status_by_name() + 1;
}

/* Each of `count` descriptors must give back what was put into it. */
static int same(const int *from, const uint64_t *wanted, int count)
{
    int good = 0;

    for (int i = 0; i < count; i++) {
        uint64_t got = 0;
        good += read(from[i], &got, sizeof got) == sizeof got && got == wanted[i];
    }
    return good;
}

static void equal(const char *folder)
{
    int files[FILES], in[4 * FILES], out[4 * FILES], written = 0;
    uint64_t text[FILES], word[4 * FILES];

    for (int i = 0; i < FILES; i++) {
        char path[PATH_MAX];
        snprintf(path, sizeof path, "%s/%d", folder, i);
        files[i] = open(path, O_RDWR);
        text[i] = 0;
        say("read %d: %d", i, (int)read(files[i], &text[i], sizeof text[i]));
    }
    for (int i = 0; i < 4 * FILES; i++) {
        int ends[2];
        if (pipe(ends) != 0)
            say("pipe: %s", strerror(errno));
        in[i] = ends[0];
        out[i] = ends[1];
        word[i] = draw();
    }
    for (int i = 0; i < 4 * FILES; i++) {
        written += write(out[i], &word[i], sizeof word[i]) == sizeof word[i];
        if (i < FILES)
            written += write(files[i], &text[i], sizeof text[i]) == sizeof text[i]; /* home finds it there twice */
    }
    say("wide %ld", raw(SYS_lseek, files[0] | 1L << 32, 0, SEEK_CUR)); /* a descriptor is an int: the rest does not count */
    say("written %d", written);
    say("pipes %d", same(in, word, 4 * FILES));
}

static int by_name(const void *a, const void *b)
{
    return strcmp(*(char *const *)a, *(char *const *)b);
}

static void first_line(const char *folder, const char *name)
{
    char path[PATH_MAX], *line = NULL;
    size_t room = 0;
    FILE *file;

    snprintf(path, sizeof path, "%s/%s", folder, name);
    file = fopen(path, "r");
    if (file == NULL || getline(&line, &room, file) < 0)
        say("%s: %s", name, strerror(errno));
    else
        say("%s: %.*s, %ld bytes", name, (int)strcspn(line, "\n"), line, fseek(file, 0, SEEK_END) == 0 ? ftell(file) : -1L);
    if (file != NULL)
        fclose(file);
    free(line);
}

static void list(const char *folder)
{
    char *names[1000];
    int count = 0;
    DIR *directory = opendir(folder);

    for (struct dirent *entry; directory != NULL && count < 1000 && (entry = readdir(directory)) != NULL;)
        if (entry->d_name[0] != '.')
            names[count++] = strdup(entry->d_name);
    if (directory != NULL)
        closedir(directory);
    say("%d names", count);
    qsort(names, (size_t)count, sizeof *names, by_name);
    for (int i = 0; i < count; i += count < 50 ? 1 : count / 10)
        first_line(folder, names[i]);
}

static void often(const char *path)
{
    int closed = 0, lowest, other = 0, failed = 0;

    say("closes all"); /* a daemon does so; what leads home is among these numbers */
    for (int fd = 3; fd < NUMBERS; fd++)
        closed += close(fd) == 0 || errno != EBADF;
    say("closed %d", closed);
    lowest = open(path, O_RDONLY);
    say("open: %s", lowest < 0 ? strerror(errno) : "yes");
    close(lowest);
    for (int i = 0; i < TIMES && failed < 3; i++) {
        int fd = open(path, O_RDONLY);
        other += fd != lowest;
        failed += close(fd) != 0;
    }
    say("other numbers %d, failed %d", other, failed);
    say("again: %s", close(lowest) == 0 ? "closed twice" : strerror(errno));
    gate(1);
}

static void copies(const char *path)
{
    char text[8] = "";
    int fd = open(path, O_RDONLY), copy = dup(fd), ends[2], third;

    say("dup: %s", copy < 0 ? strerror(errno) : copy == fd + 1 ? "the next number" : "another number");
    if (read(fd, text, 2) != 2 || read(copy, text + 2, 2) != 2 || read(fd, text + 4, 2) != 2)
        say("read: %s", strerror(errno));
    say("read %s", text);
    close(fd);
    memset(text, 0, sizeof text);
    say("read %d %s", (int)read(copy, text, 3), text);
    third = dup(copy);
    say("dup: %s", third == fd ? "the lowest number" : "another number");
    say("%s behind exec", fcntl(third, F_GETFD) == 0 ? "stays open" : "is closed");
    close(0);
    say("dup: %s", dup(copy) == 0 ? "number 0" : "another number");
    say("dup of nothing: %s", dup(900) < 0 ? strerror(errno) : "yes");
    if (pipe(ends) != 0 || write(dup(ends[1]), "own", 3) != 3 || read(dup(ends[0]), text, 3) != 3)
        say("pipe: %s", strerror(errno));
    say("pipe %.3s", text);
}

/* Only signals that come while read() waits can end it: the others have let it begin anew. */
static void slow(const char *path)
{
    char text[8] = "";
    int fd = open(path, O_RDONLY);
    long got;

    handle(SIGUSR1, 0);
    say("waits 1");
    do
        got = read(fd, text, sizeof text - 1);
    while (got < 0 && errno == EINTR && !caught);
    say("read: %s", got < 0 ? strerror(errno) : text);
    handle(SIGUSR1, SA_RESTART);
    caught = 0;
    say("waits 2");
    got = read(fd, text, sizeof text - 1);
    say("read: %s", got < 0 ? strerror(errno) : text);
    say("caught %d", caught != 0);
}

static void copy(const char *from, const char *to, int microseconds)
{
    struct itimerval interval = { { 0, microseconds }, { 0, microseconds } };
    int in = open(from, O_RDONLY), out = open(to, O_WRONLY | O_CREAT | O_APPEND, 0666);
    char text[7];
    long n, wrong = 0;

    handle(SIGALRM, SA_RESTART);
    setitimer(ITIMER_REAL, &interval, NULL);
    say("begins");
    while ((n = read(in, text, sizeof text)) > 0)
        wrong += write(out, text, (size_t)n) != n;
    say("end %ld, wrong %ld", n, wrong);
    say("signals %d", caught != 0);
}

static int run(const char *what, char **argv)
{
    START();
    if (strcmp(what, "equal") == 0)
        equal(argv[2]);
    else if (strcmp(what, "list") == 0)
        list(argv[2]);
    else if (strcmp(what, "often") == 0)
        often(argv[2]);
    else if (strcmp(what, "dup") == 0)
        copies(argv[2]);
    else if (strcmp(what, "slow") == 0)
        slow(argv[2]);
    else if (strcmp(what, "copy") == 0)
        copy(argv[2], argv[3], argv[4] != NULL ? atoi(argv[4]) : 0);
    return finish();
}

int main(int argc, char **argv)
{
    const char *what = argc > 1 ? argv[1] : "";

    if (strcmp(what, "status") == 0)
        return status_by_name();
    if (strcmp(what, "term") == 0)
        return until_term();
    if (strcmp(what, "killed") == 0)
        raise(SIGKILL);
    return argc > 2 ? run(what, argv) : 64;
}
