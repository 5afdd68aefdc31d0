/* inotify.c: watches on a directory and on a file in it; argv[1]: the directory, which is the working directory. */
#include "program.h"

#include <fcntl.h>
#include <stdio.h>
#include <sys/inotify.h>
#include <sys/stat.h>
#include <unistd.h>

static void make(const char *path)
{
    close(open(path, O_CREAT | O_WRONLY, 0600));
}

static void tell(int fd)
{
    char buffer[4096];
    ssize_t n = read(fd, buffer, sizeof buffer);

    say("%d events", n < 0 ? 0 : 1);
    for (ssize_t at = 0; at < n; ) {
        const struct inotify_event *event = (void *)(buffer + at);
        say("watch %d mask %x name %s", event->wd, event->mask, event->len ? event->name : "-");
        at += (ssize_t)(sizeof *event + event->len);
    }
}

int main(int argc, char **argv)
{
    START();
    int fd = inotify_init1(IN_NONBLOCK | IN_CLOEXEC), gone, wd;
    char drain[4096];

    if (argc < 2 || chdir(argv[1]) != 0)
        return 2;
    make("watched");
    gone = inotify_add_watch(fd, "/", IN_DELETE_SELF);
    wd = inotify_add_watch(fd, ".", IN_CREATE);
    inotify_rm_watch(fd, gone);
    say("watches %d %d %d", gone, wd, inotify_add_watch(fd, "watched", IN_MODIFY | IN_ATTRIB));
    read(fd, drain, sizeof drain);
    gate(1);
    tell(fd);
    make("made");
    chmod("watched", 0640);
    tell(fd);
    say("removed %d", inotify_rm_watch(fd, wd));
    return finish();
}
