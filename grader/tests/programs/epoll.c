/* epoll.c: a set of descriptors to wait for, inside another set. */
#include "program.h"

#include <fcntl.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <unistd.h>

static void add(int set, int fd, unsigned events, uint64_t data)
{
    struct epoll_event event = { events, { .u64 = data } };

    epoll_ctl(set, EPOLL_CTL_ADD, fd, &event);
}

static void tell(const char *name, int set)
{
    struct epoll_event events[8];
    int n = epoll_wait(set, events, 8, 0);

    say("%s: %d ready", name, n);
    for (int i = 0; i < n; i++)
        say("%s: events %x data %lx", name, events[i].events, (unsigned long)events[i].data.u64);
}

int main(void)
{
    START();
    int outer = epoll_create1(EPOLL_CLOEXEC), inner = epoll_create1(0);
    int quiet = eventfd(0, EFD_NONBLOCK), ready = eventfd(1, EFD_NONBLOCK);
    uint64_t one = 1;

    add(outer, inner, EPOLLIN, 0x1111222233334444);
    add(inner, quiet, EPOLLIN | EPOLLONESHOT, 0xaaaa);
    add(inner, ready, EPOLLOUT | EPOLLIN, 0xbbbb);
    read(ready, &one, sizeof one);
    epoll_ctl(inner, EPOLL_CTL_DEL, ready, NULL);
    add(inner, ready, EPOLLIN, 0xcccc);
    gate(1);
    say("cloexec %d %d", fcntl(outer, F_GETFD), fcntl(inner, F_GETFD));
    tell("outer", outer);
    write(quiet, &one, sizeof one);
    tell("outer", outer);
    tell("inner", inner);
    tell("inner", inner);
    write(ready, &one, sizeof one);
    tell("inner", inner);
    return finish();
}
